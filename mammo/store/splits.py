"""Patient-disjoint training, validation and test splits, alike in every kind of patient (paper, Data)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mammo.records import MammoError, Pathology, Split
from mammo.store.families import families
from mammo.store.fingerprints import Pair
from mammo.store.manifest import Manifest

STREAM = 0x59117
"""Names the random numbers of this module among all that one seed gives."""

KINDS = ("malignant", "benign", "negative")
"""Kinds of patients: with a malignant lesion, else with a benign one, else neither."""


def family_kinds(manifest: Manifest, of_image: "pd.Series[int]") -> "pd.Series[str]":
    """The worst kind of each family's patients, indexed by family in the order of first appearance.

    Args:
        manifest: the store's tables.
        of_image: the family of each image, indexed by image_id.
    """
    kinds = pd.Series(KINDS[2], index=pd.Index(of_image.unique()))
    for kind in (Pathology.BENIGN, Pathology.MALIGNANT):
        images = manifest.lesions.loc[manifest.lesions["label"] == kind.value, "image_id"]
        kinds[kinds.index.isin(of_image[images])] = kind.value
    return kinds


def assign(
    manifest: Manifest,
    seed: int,
    fractions: Sequence[float],
    allow_empty: bool = False,
    pairs: Iterable[Pair] = (),
    keep_official: bool = True,
) -> Manifest:
    """Deal every family of patients to a split, alike in every kind.

    The split depends on the seed and the order of patients only, not on their pseudonyms. Where the data set has a test
    split of its own, its patients are test here, and the others are dealt to training and validation; where it has a
    validation split, too, nothing that it tells is dealt. A family that it tears apart goes to the last of its splits.

    Args:
        manifest: the store's tables; its own split column is ignored.
        seed: of the deal.
        fractions: shares of training, validation and test; they sum to 1.
        allow_empty: whether a split with a share above 0 may lack a kind of patient.
        pairs: ids of images that show the same: their patients are one family.
        keep_official: whether the data set's own split is kept.

    Raises:
        MammoError: the fractions are no shares, or a split lacks a kind of patient.
    """
    if len(fractions) != len(Split) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise MammoError(f"fractions={list(fractions)} must be three shares (train, val, test) that sum to 1")
    of_image = manifest.images["patient_id"].map(families(manifest.images, pairs))
    kinds = family_kinds(manifest, of_image)
    splits = pd.Series("", index=kinds.index)
    told = manifest.images["official_split"] if keep_official else pd.Series("", index=manifest.images.index)
    for split in Split if (told == Split.VAL).any() else [Split.TEST]:
        splits[of_image[told == split].unique()] = split.value
    if (told == Split.TEST).any():
        fractions = _without_test(fractions)
    for number, kind in enumerate(KINDS):
        left = kinds.index[(kinds == kind) & (splits == "")]
        order = np.random.default_rng((seed, STREAM, number)).permutation(len(left))
        splits[left[order]] = np.repeat([split.value for split in Split], _apportion(len(left), fractions))
        if not allow_empty:
            _check(kind, splits[kinds == kind], fractions)
    return replace(manifest, images=manifest.images.assign(split=of_image.map(splits)))


def _without_test(fractions: Sequence[float]) -> list[float]:
    """The shares of training and validation where test is dealt already."""
    rest = fractions[0] + fractions[1]
    if rest <= 0:
        raise MammoError(f"fractions={list(fractions)} must leave shares for train and val: test is the data set's own")
    return [fractions[0] / rest, fractions[1] / rest, 0.0]


def _apportion(n: int, fractions: Sequence[float]) -> list[int]:
    """Whole patients a split, by largest remainder; a split with a share gets at least one while there are enough."""
    shares = np.asarray(fractions) * n
    counts = np.floor(shares + 1e-9).astype(int)
    for index in np.argsort(counts - shares, kind="stable")[: n - counts.sum()]:
        counts[index] += 1
    for index in np.flatnonzero((counts == 0) & (shares > 0)):
        if counts.max() > 1:
            counts[counts.argmax()] -= 1
            counts[index] = 1
    return [int(count) for count in counts]


def _check(kind: str, splits: "pd.Series[str]", fractions: Sequence[float]) -> None:
    for split, fraction in zip(Split, fractions, strict=True):
        if fraction > 0 and not (splits == split).any():
            raise MammoError(
                f"split {split.value} would have no {kind} patient (the store has {len(splits)}): "
                f"ingest more patients, or set allow_empty=true"
            )
