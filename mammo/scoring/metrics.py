"""Metrics of a score vector against the labels, with exact treatment of ties.

A malignant lesion is a positive; a lesion is called malignant if its score is at or above the threshold. With one class
only a metric is NaN, not 0 or 0.5, and a NaN score is an error.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo.records import Floats

Bools = NDArray[np.bool_]

MIN_TPR = 0.95
"""Lower end of the partial AUC: at most 5 % of malignant lesions missed, as in the paper's Figure 7."""


def checked(malignant: ArrayLike, scores: ArrayLike) -> tuple[Bools, Floats]:
    """Check labels and scores, and return them as arrays [N].

    Args:
        malignant: [N], 1 or True for a malignant lesion, 0 or False for a benign one.
        scores: [N], higher means more malignant.

    Raises:
        ValueError: the lengths differ, a label is neither 0 nor 1, or a score is NaN.
    """
    labels, values = np.asarray(malignant), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != values.shape:
        raise ValueError(f"labels {labels.shape} and scores {values.shape} must be vectors of equal length")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("a label is neither 0 (benign) nor 1 (malignant)")
    if np.isnan(values).any():
        raise ValueError(f"{int(np.isnan(values).sum())} of {values.size} scores are not a number")
    return labels.astype(np.bool_), values


def checked_probabilities(malignant: ArrayLike, scores: ArrayLike) -> tuple[Bools, Floats]:
    """Labels [N] and scores [N] as checked, for scores that are probabilities; ValueError if one is outside [0, 1]."""
    labels, values = checked(malignant, scores)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("a score is outside [0, 1], so it is not a probability of malignancy")
    return labels, values


def why_undefined(malignant: ArrayLike) -> str:
    """Why the metrics of this module are undefined for labels [N]; empty if they are defined."""
    labels = np.asarray(malignant).astype(np.bool_)
    if labels.size == 0:
        return "no lesion"
    if not labels.any():
        return "no malignant lesion"
    return "no benign lesion" if labels.all() else ""


def auc(malignant: ArrayLike, scores: ArrayLike) -> float:
    """Probability that a malignant lesion scores above a benign one, with ties counted half (Mann-Whitney).

    Args:
        malignant: [N] in {0, 1}.
        scores: [N], any real numbers; only their order matters.

    Returns:
        In [0, 1]; NaN if undefined (why_undefined).

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
    """The ROC curve of scores [N] for labels [N], with one point per distinct score.

    Returns:
        False positive rate [K] and true positive rate [K], from (0, 0) to (1, 1). With straight lines between the
        points the area under the curve is the AUC. Both are NaN [1] if undefined (why_undefined).
    """
    labels, values = checked(malignant, scores)
    if why_undefined(labels):
        return np.full(1, np.nan), np.full(1, np.nan)
    order = np.argsort(-values, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    true = np.concatenate([[0], np.cumsum(labels[order])[last_of_tie]])
    false = np.concatenate([[0], np.cumsum(~labels[order])[last_of_tie]])
    return false / false[-1], true / true[-1]


def partial_auc(malignant: ArrayLike, scores: ArrayLike, min_tpr: float = MIN_TPR) -> float:
    """Mean true negative rate over the true positive rates from min_tpr to 1 (Jiang, Metz and Nishikawa 1996).

    It is the area between the ROC curve, with straight lines between its points, and the line at min_tpr, divided by
    1 - min_tpr: 1 is perfect, chance gives (1 - min_tpr) / 2, and min_tpr = 0 gives the AUC.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        min_tpr: in [0, 1).

    Returns:
        In [0, 1]; NaN if undefined (why_undefined).

    Raises:
        ValueError: as checked, or min_tpr is outside [0, 1).
    """
    if not 0 <= min_tpr < 1:
        raise ValueError(f"min_tpr must be in [0, 1), got {min_tpr}")
    fpr, tpr = roc(malignant, scores)
    if np.isnan(fpr).any():
        return float("nan")
    above = tpr > min_tpr
    start = int(above.argmax())
    step = tpr[start] - tpr[start - 1]
    entry = fpr[start - 1] + (fpr[start] - fpr[start - 1]) * (min_tpr - tpr[start - 1]) / step
    tnr = 1 - np.append(entry, fpr[above])
    return float(np.trapezoid(tnr, np.append(min_tpr, tpr[above])) / (1 - min_tpr))


def average_precision(malignant: ArrayLike, scores: ArrayLike) -> float:
    """Mean, over the malignant lesions, of the precision at the score of each; without interpolation.

    Lesions of equal score are called malignant together. Chance gives the share of malignant lesions.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].

    Returns:
        In (0, 1]; NaN if undefined (why_undefined).

    Raises:
        ValueError: as checked.
    """
    labels, values = checked(malignant, scores)
    if why_undefined(labels):
        return float("nan")
    positives, everything = np.sort(values[labels]), np.sort(values)
    caught = positives.size - np.searchsorted(positives, positives)
    called = everything.size - np.searchsorted(everything, positives)
    return float((caught / called).mean())


def brier(malignant: ArrayLike, scores: ArrayLike) -> float:
    """Mean squared difference between score and label (Brier 1950).

    Args:
        malignant: [N] in {0, 1}.
        scores: [N] in [0, 1], probabilities of malignancy.

    Returns:
        In [0, 1], 0 is perfect; NaN if undefined (why_undefined): with one class only, a model that always predicts
        this class would look good.

    Raises:
        ValueError: as checked, or a score is outside [0, 1].
    """
    labels, values = checked_probabilities(malignant, scores)
    return float("nan") if why_undefined(labels) else float(((values - labels) ** 2).mean())
