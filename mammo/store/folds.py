"""Folds for cross-validation by patient: their assignment, and a store as the run of one fold sees it.

The run of fold k is tested on fold k, validated on the next fold (the first after the last), and trained on the others.
So every lesion is tested once, by a network that was neither trained nor selected on its patient. Five folds train on
60 % of the patients, ten on 80 % as the paper does.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from mammo.records import MammoError, Split
from mammo.store.fingerprints import Pair
from mammo.store.manifest import Manifest
from mammo.store.splits import PATIENT_CLASSES, STREAM, TESTED, group_classes, patient_groups

NO_FOLD = -1
"""Fold of the images of a store without folds."""

LEAST_FOLDS = 3
"""One fold to test, one to validate, and one to train on."""


def assign_folds(
    manifest: Manifest,
    n_folds: int,
    seed: int,
    allow_empty: bool = False,
    pairs: Iterable[Pair] = (),
    keep_current: bool = False,
) -> Manifest:
    """Assign every group of patients to a fold, and clear the splits.

    The groups are dealt to the folds in a random order, class by class: of each class, and of all groups, the numbers
    in two folds differ by at most one. Where the current folds are kept, that is true of the other groups, and a group
    that a new image connects across folds goes to the last of them. The folds depend on the seed and the order of
    patients only.

    Args:
        manifest: the store's tables; its current splits and folds are ignored unless the folds are kept.
        n_folds: number of folds.
        seed: of the random order.
        allow_empty: whether a fold may lack malignant or benign patients.
        pairs: ids of images that show the same: their patients form one group.
        keep_current: whether patients who have a fold keep it.

    Raises:
        MammoError: there are fewer than three folds, or not as many as those that are kept, the data set has a test
            split of its own, or there are fewer malignant or benign groups than folds.
    """
    if n_folds < LEAST_FOLDS:
        raise MammoError(f"folds={n_folds}: give at least {LEAST_FOLDS}, as in folds=5, or leave folds= out")
    group_of = manifest.images["patient_id"].map(patient_groups(manifest.images, pairs))
    classes = group_classes(manifest, group_of)
    kept = _current_folds(manifest.images, group_of, n_folds) if keep_current else pd.Series(dtype=np.int64)
    orders = []
    for number, patient_class in enumerate(PATIENT_CLASSES):
        groups = classes.index[classes == patient_class].to_numpy()
        if patient_class in TESTED and len(groups) < n_folds and not allow_empty:
            _reject_few(patient_class, len(groups), n_folds)
        groups = groups[~np.isin(groups, kept.index)]
        orders.append(groups[np.random.default_rng((seed, STREAM, number)).permutation(len(groups))])
    dealt = np.concatenate(orders)
    smallest_first = np.argsort(np.bincount(kept, minlength=n_folds), kind="stable")
    folds = pd.concat([kept, pd.Series(smallest_first[np.arange(len(dealt)) % n_folds], index=dealt)])
    return replace(manifest, images=manifest.images.assign(split="", fold=group_of.map(folds).astype(np.int64)))


def _current_folds(images: pd.DataFrame, group_of: "pd.Series[int]", n: int) -> "pd.Series[int]":
    """The fold of each group that has one, the last of several, indexed by group.

    Raises:
        MammoError: the store has another number of folds than n.
    """
    current = n_folds(images)
    if current not in (0, n):
        raise MammoError(f"folds={n}, but the store has {current} folds: give again=true to assign all patients again")
    assigned = images["fold"] != NO_FOLD
    return images.loc[assigned, "fold"].groupby(group_of[assigned], sort=False).max()


def _reject_few(patient_class: str, n_groups: int, n_folds: int) -> None:
    fewer = f"give folds={n_groups}, " if n_groups >= LEAST_FOLDS else ""
    raise MammoError(
        f"folds={n_folds}: the store has only {n_groups} {patient_class} patients or groups of patients that stay "
        f"together, so that a fold would have none: {fewer}ingest more patients, or set allow_empty=true"
    )


def n_folds(images: pd.DataFrame) -> int:
    """The number of folds of a store's images (rows of images.parquet); 0 without folds."""
    return int(images["fold"].max()) + 1 if len(images) else 0


def of_fold(manifest: Manifest, fold: int | None) -> Manifest:
    """The store as the run of one fold sees it: with the fold's training, validation and test split.

    Args:
        manifest: the store's tables.
        fold: number of the fold that is tested; None for a store without folds, which is returned as it is.

    Raises:
        MammoError: the store has folds and none is given, it has none and one is given, it lacks this fold, or it has
            images without a fold.
    """
    n, folds = n_folds(manifest.images), manifest.images["fold"]
    if fold is None and n == 0:
        return manifest
    if n == 0:
        raise MammoError(
            f"fold={fold}, but the store has no folds: make some with python -m mammo.split folds=5, or leave fold= out"
        )
    if fold is None or fold >= n:
        given = "no fold= is given" if fold is None else f"fold={fold} is not one of them"
        raise MammoError(
            f"the store has the folds 0 to {n - 1}, and {given}: give one, as in fold=0, or train all of them with "
            f"--multirun 'fold=range({n})'"
        )
    if (folds == NO_FOLD).any():
        raise MammoError(
            f"{int((folds == NO_FOLD).sum())} images of the store have no fold: run python -m mammo.split folds={n} "
            "again"
        )
    splits = np.select([folds == fold, folds == (fold + 1) % n], [Split.TEST, Split.VAL], Split.TRAIN)
    return replace(manifest, images=manifest.images.assign(split=splits.astype(object)))
