"""python -m mammo.split: assigns the patients of a store to training, validation and test, or to folds; prints Table 1.

Patients connected by an exam, a source file or an image stay together. Patients who have a split keep it; again=true
assigns all again.

python -m mammo.split root=runs/demo seed=0 'fractions=[0.8,0.1,0.1]'
python -m mammo.split root=runs/mine folds=5
"""

from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from mammo.cli.commands import run
from mammo.cli.hydra_app import command
from mammo.records import MammoError, Split
from mammo.store.store_header import patient_warning, read_store_header
from mammo.text import print_text

if TYPE_CHECKING:  # heavy: each function imports what it needs, after the configuration is checked
    import pandas as pd

    from mammo.store.fingerprints import Pair
    from mammo.store.manifest import Manifest


def check(cfg: DictConfig) -> None:
    """Check that there is a store; MammoError as read_store_header."""
    read_store_header(Path(cfg.store))


def task(cfg: DictConfig) -> None:
    """Split the store's manifest and print the images and lesions of each class by split or fold."""
    from mammo.reporting.paper_tables import table1
    from mammo.reporting.report_columns import TABLE1_COLUMNS
    from mammo.reporting.split_warnings import split_warnings
    from mammo.store.fingerprints import read_fingerprints, similar_pairs
    from mammo.store.manifest import Manifest
    from mammo.store.schema import check_tables
    from mammo.store.splits import NO_FOLD, group_classes, patient_groups, possible_folds

    store = Path(cfg.store)
    manifest = Manifest.load(store, checked=False)
    if warning := patient_warning(manifest.sources):
        print_text(f"caution: {warning}")
    unassigned = manifest.images.assign(split="", fold=NO_FOLD)  # contradictory splits are assigned again
    check_tables(store, unassigned, manifest.lesions)
    pairs = similar_pairs(dict(read_fingerprints(store, manifest.images.index)))
    groups = patient_groups(manifest.images, pairs)
    if len(groups) > groups.nunique():
        print_text(f"{len(groups)} patients form {groups.nunique()} groups that stay together")
    before = manifest.images[["split", "fold"]]
    manifest = _assigned(cfg, manifest, pairs)
    manifest.save(store)
    print_text(split_line(manifest, before))
    table = table1(manifest.labeled_images, manifest.lesions)
    columns = list(TABLE1_COLUMNS)  # without the paper's numbers, which make it wider than a terminal
    print_text(table[columns].to_string())
    own_test = cfg.official and (manifest.images["official_split"] == Split.TEST).any()
    classes = group_classes(manifest, manifest.images["patient_id"].map(groups))
    folds = 0 if own_test else possible_folds(classes)
    for warning in split_warnings(table, list(cfg.fractions) if cfg.folds is None else None, folds):
        print_text(f"caution: {warning}")


def _assigned(cfg: DictConfig, manifest: "Manifest", pairs: "list[Pair]") -> "Manifest":
    """The manifest with splits, or with folds where the configuration asks for them."""
    from mammo.store.splits import DEFAULT_FRACTIONS, assign_folds, assign_splits

    if cfg.folds is None:
        shares = list(cfg.fractions)
        return assign_splits(manifest, cfg.seed, shares, cfg.allow_empty, pairs, cfg.official, not cfg.again)
    if list(cfg.fractions) != list(DEFAULT_FRACTIONS):
        raise MammoError(
            f"fractions={list(cfg.fractions)} has no meaning with folds={cfg.folds}, which are of equal size: leave "
            "one of the two out"
        )
    if cfg.official and (manifest.images["official_split"] == Split.TEST).any():
        raise MammoError(
            "the data set has a test split of its own, which folds would train on: leave folds= out to keep it, or "
            "set official=false for folds over all patients"
        )
    return assign_folds(manifest, cfg.folds, cfg.seed, cfg.allow_empty, pairs, not cfg.again)


def split_line(manifest: "Manifest", before: "pd.DataFrame") -> str:
    """The line on how many patients were assigned, kept their split or fold, or were moved.

    Args:
        manifest: after the split.
        before: split and fold of each image before, indexed by image_id.
    """
    from mammo.store.splits import NO_FOLD

    images = manifest.images
    new = (before["split"] == "") & (before["fold"] == NO_FOLD)
    kept = ~new & (before == images[["split", "fold"]]).all(axis=1)
    n_kept, n_new, n_moved = (images["patient_id"][rows].nunique() for rows in (kept, new, ~kept & ~new))
    moved = f", {n_moved} moved" if n_moved else ""
    again = "; again=true assigns all again" if n_kept and not n_new and not n_moved else ""
    return f"{n_new} patients are assigned, {n_kept} keep their place{moved}{again}"


main = command("split", check=check)(task)

if __name__ == "__main__":
    run(main)
