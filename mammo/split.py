"""python -m mammo.split: assigns the patients of a store to training, validation and test; prints the paper's Table 1.

Patients connected by an exam, a source file or an image stay together.

python -m mammo.split root=runs/demo seed=0 'fractions=[0.8,0.1,0.1]'
"""

from pathlib import Path

from omegaconf import DictConfig

from mammo.cli.hydra_app import command
from mammo.reporting.paper_tables import table1
from mammo.store.fingerprints import read_fingerprints, similar_pairs
from mammo.store.manifest import Manifest
from mammo.store.schema import check_tables
from mammo.store.splits import assign_splits, patient_groups


def task(cfg: DictConfig) -> None:
    """Split the store's manifest and print the images and lesions of each class by split."""
    store = Path(cfg.store)
    manifest = Manifest.load(store, checked=False)
    check_tables(store, manifest.images.assign(split=""), manifest.lesions)  # contradictory splits are assigned again
    pairs = similar_pairs(dict(read_fingerprints(store, manifest.images.index)))
    groups = patient_groups(manifest.images, pairs)
    if len(groups) > groups.nunique():
        print(f"{len(groups)} patients form {groups.nunique()} groups that stay together")
    manifest = assign_splits(manifest, cfg.seed, list(cfg.fractions), cfg.allow_empty, pairs, cfg.official)
    manifest.save(store)
    print(table1(manifest.images, manifest.lesions).to_string())


main = command("split")(task)

if __name__ == "__main__":
    main()
