"""Patient groups, and patient-disjoint splits and folds that balance malignant, benign and negative patients.

A store has one split (paper, Data), or folds for cross-validation. The run of fold k is tested on fold k, validated on
the next fold (the first after the last), and trained on the others. So every lesion is tested once, by a network that
was neither trained nor selected on its patient. Five folds train on 60 % of the patients, ten on 80 % as the paper
does.
"""

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

NO_FOLD = -1
"""Fold of the images of a store without folds."""

USUAL_FOLDS = 5
"""Folds that are advised where a store has patients enough."""

LEAST_FOLDS = 3
"""One fold to test, one to validate, and one to train on."""


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
        classes[classes.index.isin(group_of[manifest.labeled_images[label.value].to_numpy(dtype=bool)])] = label.value
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
        MammoError: the fractions are not three shares that sum to 1, a split lacks malignant or benign patients, or
            the splits are to be kept and the store has folds.
    """
    if keep_current and (current := n_folds(manifest.images)):
        raise MammoError(
            f"the store has {current} folds, which a split would replace: give folds={current} to keep them and assign "
            "the other patients, or again=true to assign all patients to training, validation and test"
        )
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
            folds = 0 if (official == Split.TEST).any() else possible_folds(classes)
            again = " again=true" if assigned.any() else ""
            _check_not_empty(patient_class, splits[classes == patient_class], fractions, folds, again)
    return replace(manifest, images=manifest.images.assign(split=group_of.map(splits), fold=NO_FOLD))


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


def possible_folds(classes: "pd.Series[str]") -> int:
    """The number of folds to advise: USUAL_FOLDS, fewer where each could not have every class, 0 where there is none.

    Args:
        classes: of group_classes.
    """
    most = min(int((classes == patient_class).sum()) for patient_class in TESTED)
    return min(USUAL_FOLDS, most) if most >= LEAST_FOLDS else 0


def _check_not_empty(
    patient_class: str, splits: "pd.Series[str]", fractions: Sequence[float], folds: int, again: str
) -> None:
    """Raise MammoError where a split with a share has none of a class's groups; `folds`, unless 0, are advised."""
    instead = f", cross-validate with folds={folds}{again}" if folds else ""
    for split, fraction in zip(Split, fractions, strict=True):
        if fraction > 0 and not (splits == split).any():
            raise MammoError(
                f"split {split.value} would have no {patient_class} patient (the store has {len(splits)}, each counted "
                f"by its worst finding): ingest more patients{instead}, or set allow_empty=true"
            )


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
        MammoError: there are fewer than three folds, or not as many as those that are kept, the store has a split that
            is to be kept, the data set has a test split of its own, or there are fewer malignant or benign groups than
            folds.
    """
    if keep_current and (manifest.images["split"] != "").any():
        raise MammoError(
            f"folds={n_folds}, but the store has a training, validation and test split: give again=true to replace it "
            "by folds, which makes the runs that were trained on it useless for this store"
        )
    if n_folds < LEAST_FOLDS:
        raise MammoError(f"folds={n_folds}: give at least {LEAST_FOLDS}, as in folds=5, or leave folds= out")
    group_of = manifest.images["patient_id"].map(patient_groups(manifest.images, pairs))
    classes = group_classes(manifest, group_of)
    kept = _current_folds(manifest.images, group_of, n_folds) if keep_current else pd.Series(dtype=np.int64)
    orders = []
    for number, patient_class in enumerate(PATIENT_CLASSES):
        groups = classes.index[classes == patient_class].to_numpy()
        if patient_class in TESTED and len(groups) < n_folds and not allow_empty:
            _reject_few(patient_class, len(groups), n_folds, possible_folds(classes))
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


def _reject_few(patient_class: str, n_groups: int, n_folds: int, possible: int) -> None:
    fewer = f"give folds={possible}, " if possible else ""
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
