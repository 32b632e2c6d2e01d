"""Thresholds for a given false negative rate, and the TNR and FNR of a threshold.

Thresholds chosen on the test lesions are optimistic. Those chosen on validation lesions are not, but on test lesions
they can miss more or fewer malignant lesions than allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.metrics import checked, why_undefined

FNRS = (0.0, 0.01, 0.02, 0.03, 0.05)
"""The false negative rates of the paper's Table 2."""


@dataclass(frozen=True)
class Rates:
    """Error rates of a threshold.

    Attributes:
        fnr: share of malignant lesions below the threshold (missed), in [0, 1]; NaN without malignant lesions.
        tnr: share of benign lesions below the threshold (biopsies avoided), in [0, 1]; NaN without benign lesions.
    """

    fnr: float
    tnr: float


@dataclass(frozen=True)
class KnownThresholds:
    """Thresholds that were chosen before, such as those of a bundle.

    Attributes:
        name: what they were chosen on.
        by_fnr: thresholds by allowed false negative rate.
    """

    name: str
    by_fnr: Mapping[float, float]


def allowed_misses(n_malignant: int, fnr: float) -> int:
    """Number of malignant lesions that a false negative rate of at most fnr allows to miss: floor(fnr * n)."""
    return int(np.floor(fnr * n_malignant + 1e-9))  # 0.29 * 100 is 28.999999999999996


def threshold_at_fnr(malignant: ArrayLike, scores: ArrayLike, fnr: float) -> float:
    """The highest threshold that misses at most a share fnr of the malignant lesions.

    The rule (paper, Table 2): with k = floor(fnr * n_malignant) misses allowed, the threshold is the (k + 1)-th
    smallest malignant score. A lesion at the threshold is called malignant: a benign one tied with it is not spared,
    and malignant ones tied with it are not missed, so that there may be fewer than k misses. Any higher threshold
    misses more than k. A threshold between two scores is not better, and none is interpolated.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        fnr: allowed share of missed malignant lesions, in [0, 1].

    Returns:
        The threshold; infinity if all malignant lesions may be missed; NaN without malignant lesions.

    Raises:
        ValueError: as metrics.checked, or fnr is outside [0, 1].
    """
    labels, values = checked(malignant, scores)
    if not 0 <= fnr <= 1:
        raise ValueError(f"fnr must be in [0, 1], got {fnr}")
    positives = np.sort(values[labels])
    if positives.size == 0:
        return float("nan")
    k = allowed_misses(positives.size, fnr)
    return float(positives[k]) if k < positives.size else float("inf")


def rates_at(malignant: ArrayLike, scores: ArrayLike, threshold: float | Floats) -> Rates:
    """FNR and TNR of a threshold for lesions of labels [N] in {0, 1} and scores [N]; NaN where a threshold is NaN.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        threshold: one for all lesions, or [N].

    Raises:
        ValueError: as metrics.checked.
    """
    labels, values = checked(malignant, scores)
    below = values < threshold
    fnr, tnr = (float(below[kind].mean()) if kind.any() else float("nan") for kind in (labels, ~labels))
    return Rates(fnr, tnr) if not np.isnan(threshold).any() else Rates(float("nan"), float("nan"))


def tnr_at_fnr(malignant: ArrayLike, scores: ArrayLike, fnr: float) -> float:
    """The largest true negative rate of any threshold that misses at most a share fnr of the malignant lesions.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        fnr: as threshold_at_fnr.

    Returns:
        Share of benign lesions below threshold_at_fnr, in [0, 1]; NaN if undefined (metrics.why_undefined).

    Raises:
        ValueError: as threshold_at_fnr.
    """
    threshold = threshold_at_fnr(malignant, scores, fnr)
    return float("nan") if why_undefined(malignant) else rates_at(malignant, scores, threshold).tnr
