"""Patient-disjoint training, validation and test splits, alike in every kind of patient (paper, Data)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mammo.records import MammoError, Pathology, Split
from mammo.store.manifest import Manifest

STREAM = 0x59117
"""Names the random numbers of this module among all that one seed gives."""

KINDS = ("malignant", "benign", "negative")
"""Kinds of patients: with a malignant lesion, else with a benign one, else neither."""


def patient_kinds(manifest: Manifest) -> "pd.Series[str]":
    """The kind of each patient, indexed by patient_id in the order of first appearance."""
    patients = manifest.images["patient_id"]
    kinds = pd.Series(KINDS[2], index=pd.Index(patients.unique()))
    for kind in (Pathology.BENIGN, Pathology.MALIGNANT):
        images = manifest.lesions.loc[manifest.lesions["label"] == kind.value, "image_id"]
        kinds[kinds.index.isin(patients[images])] = kind.value
    return kinds


def assign(manifest: Manifest, seed: int, fractions: Sequence[float], allow_empty: bool = False) -> Manifest:
    """Deal every patient to a split.

    The split depends on the seed and the order of patients only, not on their pseudonyms.

    Args:
        manifest: the store's tables; its own split column is ignored.
        seed: of the deal.
        fractions: shares of training, validation and test; they sum to 1.
        allow_empty: whether a split with a share above 0 may lack a kind of patient.

    Raises:
        MammoError: the fractions are no shares, or a split lacks a kind of patient.
    """
    if len(fractions) != len(Split) or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise MammoError(f"fractions={list(fractions)} must be three shares (train, val, test) that sum to 1")
    kinds = patient_kinds(manifest)
    splits = pd.Series("", index=kinds.index)
    for number, kind in enumerate(KINDS):
        patients = kinds.index[kinds == kind]
        counts = _apportion(len(patients), fractions)
        if not allow_empty:
            _check(kind, len(patients), counts, fractions)
        order = np.random.default_rng((seed, STREAM, number)).permutation(len(patients))
        splits[patients[order]] = np.repeat([split.value for split in Split], counts)
    images = manifest.images.assign(split=manifest.images["patient_id"].map(splits))
    return replace(manifest, images=images)


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


def _check(kind: str, n: int, counts: Sequence[int], fractions: Sequence[float]) -> None:
    for split, count, fraction in zip(Split, counts, fractions, strict=True):
        if count == 0 and fraction > 0:
            raise MammoError(
                f"split {split.value} would have no {kind} patient (the store has {n}): "
                f"ingest more patients, or set allow_empty=true"
            )
