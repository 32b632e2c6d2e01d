"""Lesion scores: the mean over crop windows of p_malignant / (p_malignant + p_benign) (paper, Model evaluation).

The ratio is computed from the two logits. With p = softmax(l) over the four patch classes the denominator cancels:

    p_m / (p_m + p_b) = exp(l_m) / (exp(l_m) + exp(l_b)) = sigmoid(l_m - l_b).

This is exact even if both probabilities underflow to 0 (a patch that is almost certainly "negative"). For the same
reason log-probabilities give the same score as logits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.records import Floats, Ints, MammoError


@dataclass(frozen=True, eq=False)
class LesionScores:
    """Scores of the lesions, in lesion row order.

    Attributes:
        score: [n_lesions] in [0, 1], mean over the windows; higher means more likely malignant.
        sd: [n_lesions] in [0, 0.5], standard deviation of the window scores (divided by n, so 0 for one window).
        n_windows: [n_lesions], number of distinct windows of each lesion.
        lesion: [M], lesion row of each window, ascending.
        window: [M], number of each window within its lesion, ascending.
        window_score: [M] in [0, 1], score of each window.
    """

    score: Floats
    sd: Floats
    n_windows: Ints
    lesion: Ints
    window: Ints
    window_score: Floats


def patch_scores(logit_malignant: ArrayLike, logit_benign: ArrayLike) -> Floats:
    """p_malignant / (p_malignant + p_benign) of each patch.

    Args:
        logit_malignant: [N], any real number (or log-probability).
        logit_benign: [N], likewise.

    Returns:
        [N] in [0, 1]; NaN where a logit is NaN or both are the same infinity.
    """
    with np.errstate(invalid="ignore"):
        margin = np.asarray(logit_malignant, dtype=np.float64) - np.asarray(logit_benign, dtype=np.float64)
    smaller = np.exp(-np.abs(margin))
    return np.where(margin >= 0, 1.0, smaller) / (1.0 + smaller)


def lesion_scores(
    lesion: ArrayLike, window: ArrayLike, logit_malignant: ArrayLike, logit_benign: ArrayLike, n_lesions: int
) -> LesionScores:
    """Average the patch scores of each lesion; the order of the patches does not matter, to the last bit.

    Args:
        lesion: int [N], lesion row of each patch, 0 to n_lesions - 1.
        window: int [N], window number of each patch within its lesion. Repeats of a (lesion, window) are dropped: a
            distributed sampler pads its shards with them.
        logit_malignant: float [N].
        logit_benign: float [N].
        n_lesions: number of rows of the lesion plan.

    Returns:
        Scores of the n_lesions lesions and of their windows.

    Raises:
        MammoError: a patch score is not a number, a lesion has no window, or a lesion row is outside the plan.
    """
    rows, windows = np.asarray(lesion, dtype=np.int64), np.asarray(window, dtype=np.int64)
    if rows.size and (rows.min() < 0 or rows.max() >= n_lesions):
        row = int(rows.min() if rows.min() < 0 else rows.max())
        raise MammoError(
            f"lesion row {row} of a patch is outside the plan of {n_lesions} rows; score the lesions again"
        )
    values = patch_scores(logit_malignant, logit_benign)
    _, first = np.unique(np.stack([rows, windows], axis=1), axis=0, return_index=True)  # sorted by lesion, window
    rows, windows, values = rows[first], windows[first], values[first]
    bad = np.flatnonzero(np.isnan(values))
    if bad.size:
        where = f"lesion row {rows[bad[0]]}, window {windows[bad[0]]}"
        raise MammoError(
            f"{where}: the patch score is not a number ({bad.size} patches); the network diverged: train it with a "
            "lower learning rate (model.lr)"
        )
    count = np.bincount(rows, minlength=n_lesions)
    if (count == 0).any():
        empty = np.flatnonzero(count == 0)
        raise MammoError(f"lesion row {empty[0]} has no scored window ({empty.size} lesions); score all lesions")
    return mean_over_windows(rows, windows, values, n_lesions)


def mean_over_windows(lesion: Ints, window: Ints, window_score: Floats, n_lesions: int) -> LesionScores:
    """The scores of lesions by those of their windows, sorted by lesion and window; each lesion has at least one.

    Args:
        lesion: [M], lesion row of each window.
        window: [M], number of each window within its lesion.
        window_score: [M] in [0, 1].
        n_lesions: number of lesions.
    """
    count = np.bincount(lesion, minlength=n_lesions)
    mean = np.bincount(lesion, weights=window_score, minlength=n_lesions) / count
    variance = np.bincount(lesion, weights=(window_score - mean[lesion]) ** 2, minlength=n_lesions) / count
    return LesionScores(
        np.clip(mean, 0.0, 1.0), np.sqrt(variance), count.astype(np.int64), lesion, window, window_score
    )
