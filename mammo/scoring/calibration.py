"""Calibration: whether, among lesions scored 0.3, three in ten are malignant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.scoring.metrics import Floats, checked_shares
from mammo.scoring.weighted import Weights

N_BINS = 10


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Lesions by score, in bins of equal numbers; bins whose bounds coincide (ties) are one.

    Attributes:
        mean_score: [K] in [0, 1], ascending.
        malignant_share: [K] in [0, 1], what a calibrated model would have equal to mean_score.
        n: [K], lesions.
    """

    mean_score: Floats
    malignant_share: Floats
    n: Weights


def calibration_curve(malignant: ArrayLike, scores: ArrayLike, n_bins: int = N_BINS) -> CalibrationCurve:
    """The calibration curve of scores [N] in [0, 1]; no bins where there is no lesion.

    Raises:
        ValueError: as metrics.checked_shares.
    """
    labels, values = checked_shares(malignant, scores)
    if values.size == 0:
        return CalibrationCurve(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))
    edges = np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1])
    bins = np.searchsorted(edges, values, side="left")  # a score equal to an edge lies below it, as all its ties
    n = np.bincount(bins, minlength=n_bins)
    filled = n > 0
    sums = [np.bincount(bins, weights=column, minlength=n_bins)[filled] for column in (values, labels)]
    return CalibrationCurve(sums[0] / n[filled], sums[1] / n[filled], n[filled].astype(np.int64))
