"""python -m mammo.split: deal the patients of a store to training, validation and test; print the paper's Table 1.

Patients whom an exam, a source file or a picture connects stay together.

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
    """Split the store's manifest and print how many images and lesions of each kind every split has."""
    store = Path(cfg.store)
    manifest = Manifest.load(store, checked=False)
    check_tables(store, manifest.images.assign(split=""), manifest.lesions)  # a split that is torn is dealt anew
    pairs = similar_pairs(dict(read_fingerprints(store, manifest.images.index)))
    ties = patient_groups(manifest.images, pairs)
    if len(ties) > ties.nunique():
        print(f"{len(ties)} patients are {ties.nunique()} families, which stay together")
    manifest = assign_splits(manifest, cfg.seed, list(cfg.fractions), cfg.allow_empty, pairs, cfg.official)
    manifest.save(store)
    print(table1(manifest.images, manifest.lesions).to_string())


main = command("split")(task)

if __name__ == "__main__":
    main()
