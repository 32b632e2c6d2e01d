"""Thresholds: the one that misses few enough malignant lesions, and what any threshold does to other lesions.

A threshold picked on the lesions that it is judged by flatters; one picked on validation lesions and transferred does
not, and may miss more or fewer than was allowed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.scoring.metrics import checked, why_undefined

FNRS = (0.0, 0.01, 0.02, 0.03, 0.05)
"""The false negative rates of the paper's Table 2."""


@dataclass(frozen=True)
class Rates:
    """What a threshold does.

    Attributes:
        fnr: share of malignant lesions below it (missed), in [0, 1]; NaN without malignant lesions.
        tnr: share of benign lesions below it (biopsies avoided), in [0, 1]; NaN without benign lesions.
    """

    fnr: float
    tnr: float


def allowed_misses(n_malignant: int, fnr: float) -> int:
    """How many of n_malignant lesions may be missed at a false negative rate of at most fnr: floor(fnr * n)."""
    return int(np.floor(fnr * n_malignant + 1e-9))  # 0.29 * 100 is 28.999999999999996


def threshold_at_fnr(malignant: ArrayLike, scores: ArrayLike, fnr: float) -> float:
    """The highest threshold that misses at most a share fnr of the malignant lesions.

    The rule (paper, Table 2): with k = floor(fnr * n_malignant) misses allowed, the threshold is the (k + 1)-th
    smallest malignant score. A lesion at the threshold is called malignant, so a benign lesion tied with it is not
    spared; malignant lesions tied with it are caught, so fewer than k may be missed. Any higher threshold misses more
    than k. No threshold between two scores does better, and none is interpolated.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        fnr: share of malignant lesions that may be missed, in [0, 1].

    Returns:
        The threshold; infinity where every malignant lesion may be missed; NaN without malignant lesions.

    Raises:
        ValueError: as metrics.checked, or fnr is outside [0, 1].
    """
    labels, values = checked(malignant, scores)
    if not 0 <= fnr <= 1:
        raise ValueError(f"a false negative rate of {fnr} is outside [0, 1]")
    positives = np.sort(values[labels])
    if positives.size == 0:
        return float("nan")
    k = allowed_misses(positives.size, fnr)
    return float(positives[k]) if k < positives.size else float("inf")


def rates_at(malignant: ArrayLike, scores: ArrayLike, threshold: float) -> Rates:
    """What a threshold, chosen here or elsewhere, does to lesions of these labels [N] and scores [N].

    Raises:
        ValueError: as metrics.checked.
    """
    labels, values = checked(malignant, scores)
    below = values < threshold
    fnr, tnr = (float(below[kind].mean()) if kind.any() else float("nan") for kind in (labels, ~labels))
    return Rates(fnr, tnr) if not np.isnan(threshold) else Rates(float("nan"), float("nan"))


def tnr_at_fnr(malignant: ArrayLike, scores: ArrayLike, fnr: float) -> float:
    """The largest true negative rate of any threshold that misses at most a share fnr of the malignant lesions.

    Returns:
        Share of benign lesions below threshold_at_fnr, in [0, 1]; NaN where metrics.why_undefined tells a reason.

    Raises:
        ValueError: as threshold_at_fnr.
    """
    threshold = threshold_at_fnr(malignant, scores, fnr)
    return float("nan") if why_undefined(malignant) else rates_at(malignant, scores, threshold).tnr
