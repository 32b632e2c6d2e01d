"""AUCs of many score vectors of the same lesions, with each patient left out in turn (the jackknife).

All come from the number of lesions of the other class that each lesion is on the right side of, which ranks give in
n log n steps, so that no AUC is computed anew.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from mammo.records import Floats
from mammo.scoring.intervals import ratio
from mammo.scoring.metrics import Bools


def left_out_aucs(malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike) -> tuple[Floats, Floats]:
    """The AUCs of score vectors, and the AUCs without the lesions of each patient; ties count half.

    Args:
        malignant: [N] in {0, 1}.
        scores: [..., N], any finite numbers.
        patients: [N], each lesion's patient.

    Returns:
        [...] and [..., P] in [0, 1], the patients in the order of their names; NaN where a class is missing.

    Raises:
        ValueError: the lengths differ, a label is neither 0 nor 1, or a score is not a number.
    """
    labels, values = _checked(malignant, scores)
    _, member = np.unique(np.asarray(patients), return_inverse=True)
    if member.shape != labels.shape:
        raise ValueError(f"{member.size} patients for {labels.size} lesions: give one for each")
    of_patient = np.equal.outer(member, np.arange(member.max(initial=-1) + 1)).astype(np.float64)
    wins = _wins(labels, values)
    all_wins = wins[..., labels].sum(axis=-1)
    left = all_wins[..., None] - wins @ of_patient + _within(labels, values, member)
    n_malignant, n_benign = labels.sum(), (~labels).sum()
    pairs = (n_malignant - labels @ of_patient) * (n_benign - ~labels @ of_patient)
    whole = np.broadcast_to(n_malignant * n_benign, all_wins.shape)
    return ratio(all_wins, whole), ratio(left, np.broadcast_to(pairs, left.shape))


def _checked(malignant: ArrayLike, scores: ArrayLike) -> tuple[Bools, Floats]:
    labels, values = np.asarray(malignant), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 1 or values.shape[-1:] != labels.shape:
        raise ValueError(f"labels {labels.shape} and scores {values.shape} are not of the same lesions")
    if not np.isin(labels, (0, 1)).all() or not np.isfinite(values).all():
        raise ValueError("a label is neither 0 nor 1, or a score is not a finite number")
    return labels.astype(np.bool_), values


def _wins(labels: Bools, values: Floats) -> Floats:
    """[..., N]: benign lesions below each malignant one, and malignant lesions above each benign one."""
    found: Floats = rankdata(values, axis=-1)
    for kind in (labels, ~labels):
        found[..., kind] -= rankdata(values[..., kind], axis=-1)
    found[..., ~labels] = labels.sum() - found[..., ~labels]
    return found


def _within(labels: Bools, values: Floats, member: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> Floats:
    """[..., P]: wins within each patient, which those of its lesions of both classes count twice."""
    found = np.zeros((*values.shape[:-1], member.max(initial=-1) + 1))
    for patient in np.intersect1d(member[labels], member[~labels]):
        own = member == patient
        found[..., patient] = _wins(labels[own], values[..., own])[..., labels[own]].sum(axis=-1)
    return found
