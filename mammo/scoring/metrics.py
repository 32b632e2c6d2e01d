"""AUC, the ROC curve and the true negative rate at a given false negative rate, each defined down to its ties.

A malignant lesion is a positive; a lesion is called malignant when its score is at or above the threshold. An AUC lies
quietly when it cannot exist: here it is NaN for one class alone, never 0 or 0.5, and a NaN score is an error.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def checked(malignant: ArrayLike, scores: ArrayLike) -> tuple[Bools, Floats]:
    """Labels and scores as arrays.

    Args:
        malignant: [N], 1 or True for a malignant lesion, 0 or False for a benign one.
        scores: [N], higher means more malignant.

    Raises:
        ValueError: the lengths differ, a label is neither 0 nor 1, or a score is NaN.
    """
    labels, values = np.asarray(malignant), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != values.shape:
        raise ValueError(f"labels {labels.shape} and scores {values.shape} are not two vectors of one length")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("a label is neither 0 (benign) nor 1 (malignant)")
    if np.isnan(values).any():
        raise ValueError(f"{int(np.isnan(values).sum())} of {values.size} scores are not a number")
    return labels.astype(np.bool_), values


def why_undefined(malignant: ArrayLike) -> str:
    """Why no metric of this module exists for these labels [N]; empty where it does."""
    labels = np.asarray(malignant).astype(np.bool_)
    if labels.size == 0:
        return "no lesion"
    if not labels.any():
        return "no malignant lesion"
    return "no benign lesion" if labels.all() else ""


def auc(malignant: ArrayLike, scores: ArrayLike) -> float:
    """Chance that a malignant lesion scores above a benign one, a tie counting half (Mann-Whitney).

    Args:
        malignant: [N] in {0, 1}.
        scores: [N], any real numbers; only their order matters.

    Returns:
        In [0, 1]; NaN where why_undefined tells a reason.

    Raises:
        ValueError: as checked.
    """
    labels, values = checked(malignant, scores)
    if why_undefined(labels):
        return float("nan")
    benign = np.sort(values[~labels])
    below = np.searchsorted(benign, values[labels], side="left")
    not_above = np.searchsorted(benign, values[labels], side="right")
    return float((below.sum() + not_above.sum()) / (2 * benign.size * labels.sum()))


def roc(malignant: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """The ROC curve, one point a distinct score.

    Returns:
        False positive rate [K] and true positive rate [K], from (0, 0) to (1, 1); the area under the straight lines
        between them is the AUC. Both are NaN [1] where why_undefined tells a reason.
    """
    labels, values = checked(malignant, scores)
    if why_undefined(labels):
        return np.full(1, np.nan), np.full(1, np.nan)
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    true = np.concatenate([[0], np.cumsum(labels[order])[last_of_tie]])
    false = np.concatenate([[0], np.cumsum(~labels[order])[last_of_tie]])
    return false / false[-1], true / true[-1]


def allowed_misses(n_malignant: int, fnr: float) -> int:
    """How many of n_malignant lesions may be missed at a false negative rate of at most fnr: floor(fnr * n)."""
    return int(np.floor(fnr * n_malignant + 1e-9))  # 0.29 * 100 is 28.999999999999996


def tnr_at_fnr(malignant: ArrayLike, scores: ArrayLike, fnr: float) -> float:
    """The largest true negative rate of any threshold that misses at most a share fnr of the malignant lesions.

    The rule (paper, Table 2): with k = floor(fnr * n_malignant) misses allowed, the threshold is the (k + 1)-th
    smallest malignant score. A lesion at the threshold is called malignant, so a benign lesion tied with it is not
    spared; malignant lesions tied with it are caught, so fewer than k may be missed. Any higher threshold misses more
    than k. No threshold between two scores does better, and none is interpolated.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        fnr: share of malignant lesions that may be missed, in [0, 1].

    Returns:
        Share of benign lesions below the threshold, in [0, 1]; NaN where why_undefined tells a reason.

    Raises:
        ValueError: as checked, or fnr is outside [0, 1].
    """
    labels, values = checked(malignant, scores)
    if not 0 <= fnr <= 1:
        raise ValueError(f"a false negative rate of {fnr} is outside [0, 1]")
    if why_undefined(labels):
        return float("nan")
    positives = np.sort(values[labels])
    k = allowed_misses(positives.size, fnr)
    threshold = positives[k] if k < positives.size else np.inf
    return float((values[~labels] < threshold).mean())
