"""Patient groups, and patient-disjoint splits that balance malignant, benign and negative patients (paper, Data)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mammo.records import MammoError, Pathology, Split
from mammo.store.fingerprints import Pair
from mammo.store.manifest import Manifest

STREAM = 0x59117
"""Seeds the random numbers of this module, together with the run's seed."""

UNIQUE_TO_PATIENT = ("exam_id", "sha256")
"""Columns of images.parquet whose values belong to a single patient."""

PATIENT_CLASSES = ("malignant", "benign", "negative")
"""Classes of patients: with a malignant finding, else with a benign one, else without either."""

TESTED = PATIENT_CLASSES[:2]
"""Classes of patients that every split and fold needs, because an AUC is of malignant and benign lesions."""

DEFAULT_FRACTIONS = (0.8, 0.1, 0.1)
"""Shares of training, validation and test in conf/split.yaml (paper, Data)."""


def patient_groups(images: pd.DataFrame, pairs: Iterable[Pair] = ()) -> "pd.Series[int]":
    """Number the groups of patients that must stay in one split: they share an exam, a source file or an image.

    Args:
        images: the manifest's image rows, indexed by image_id.
        pairs: ids of images that show the same.

    Returns:
        The number of each patient's group, indexed by patient_id in the order of first appearance; groups are numbered
        in that order too.
    """
    patients = pd.Index(images["patient_id"].unique())
    patient_of = images["patient_id"].map(pd.Series(np.arange(len(patients)), index=patients))
    edges = [np.array([(patient_of[one], patient_of[other]) for one, other in pairs], dtype=np.int64).reshape(-1, 2)]
    for column in UNIQUE_TO_PATIENT:
        first = patient_of.groupby(images[column], sort=False).transform("first")
        linked = (patient_of != first) & (images[column] != "")
        edges.append(np.stack([patient_of[linked], first[linked]], axis=1).astype(np.int64))
    one, other = np.concatenate(edges).T
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(patients), len(patients)))
    labels = connected_components(graph, directed=False)[1]
    numbers = np.asarray(pd.factorize(labels)[0], dtype=np.int64)
    return pd.Series(numbers, index=patients)


def group_classes(manifest: Manifest, group_of: "pd.Series[int]") -> "pd.Series[str]":
    """The worst class among each group's patients, indexed by group in the order of first appearance.

    Args:
        manifest: the store's tables.
        group_of: the group of each image, indexed by image_id.
    """
    classes = pd.Series(PATIENT_CLASSES[2], index=pd.Index(group_of.unique()))
    for label in (Pathology.BENIGN, Pathology.MALIGNANT):
        classes[classes.index.isin(group_of[manifest.images[label.value].to_numpy(dtype=bool)])] = label.value
    return classes


def assign_splits(
    manifest: Manifest,
    seed: int,
    fractions: Sequence[float],
    allow_empty: bool = False,
    pairs: Iterable[Pair] = (),
    keep_official: bool = True,
    keep_current: bool = False,
) -> Manifest:
    """Assign every group of patients to a split, and to no fold, with the same fractions in each class of patients.

    Where the current splits are kept, the fractions are those of the other groups. A group that a new image connects
    across splits goes to the last of them, in the order training, validation, test.
    The splits depend on the seed and the order of patients only, not on their pseudonyms. A data set's own test split
    is kept, and its other patients are assigned to training and validation; where the data set has a validation split
    too, its whole split is kept. A group that spans several official splits goes to the last of them.

    Args:
        manifest: the store's tables; its current splits and folds are ignored unless the splits are kept.
        seed: of the random assignment.
        fractions: shares of training, validation and test; they sum to 1.
        allow_empty: whether a split with a share above 0 may lack malignant or benign patients.
        pairs: ids of images that show the same: their patients form one group.
        keep_official: whether the data set's own split is kept.
        keep_current: whether patients who have a split keep it.

    Raises:
        MammoError: the fractions are not three shares that sum to 1, or a split lacks malignant or benign
            patients.
    """
    if len(fractions) != len(Split) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise MammoError(f"fractions={list(fractions)} must be three shares (train, val, test) that sum to 1")
    group_of = manifest.images["patient_id"].map(patient_groups(manifest.images, pairs))
    classes = group_classes(manifest, group_of)
    splits = pd.Series("", index=classes.index)
    for split in Split if keep_current else []:
        splits[group_of[manifest.images["split"] == split].unique()] = split.value
    assigned = splits != ""
    official = manifest.images["official_split"] if keep_official else pd.Series("", index=manifest.images.index)
    for split in Split if (official == Split.VAL).any() else [Split.TEST]:
        groups = group_of[official == split].unique()
        splits[groups[~assigned[groups]]] = split.value
    if (official == Split.TEST).any():
        fractions = _without_test(fractions)
    for number, patient_class in enumerate(PATIENT_CLASSES):
        free = classes.index[(classes == patient_class) & (splits == "")]
        order = np.random.default_rng((seed, STREAM, number)).permutation(len(free))
        splits[free[order]] = np.repeat([split.value for split in Split], _apportion(len(free), fractions))
        if patient_class in TESTED and not allow_empty:
            _check_not_empty(patient_class, splits[classes == patient_class], fractions)
    return replace(manifest, images=manifest.images.assign(split=group_of.map(splits), fold=-1))


def _without_test(fractions: Sequence[float]) -> list[float]:
    """The fractions of training, validation and test where the test split is fixed already."""
    rest = fractions[0] + fractions[1]
    if rest <= 0:
        raise MammoError(f"fractions={list(fractions)} must leave shares for train and val: test is the data set's own")
    return [fractions[0] / rest, fractions[1] / rest, 0.0]


def _apportion(n: int, fractions: Sequence[float]) -> list[int]:
    """Number of groups for each split, by largest remainder; at least one for each split with a share, if possible."""
    shares = np.asarray(fractions) * n
    counts = np.floor(shares + 1e-9).astype(int)
    for index in np.argsort(counts - shares, kind="stable")[: n - counts.sum()]:
        counts[index] += 1
    for index in np.flatnonzero((counts == 0) & (shares > 0)):
        if counts.max() > 1:
            counts[counts.argmax()] -= 1
            counts[index] = 1
    return [int(count) for count in counts]


def _check_not_empty(patient_class: str, splits: "pd.Series[str]", fractions: Sequence[float]) -> None:
    for split, fraction in zip(Split, fractions, strict=True):
        if fraction > 0 and not (splits == split).any():
            raise MammoError(
                f"split {split.value} would have no {patient_class} patient (the store has {len(splits)}, each counted "
                f"by its worst finding): ingest more patients, cross-validate with folds=5, or set allow_empty=true"
            )
