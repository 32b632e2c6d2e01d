"""Calibration: whether, among lesions scored 0.3, three in ten are malignant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.intervals import N_RESAMPLES, bootstrap, percentile_bands
from mammo.scoring.metrics import checked_probabilities
from mammo.scoring.weighted_metrics import Weights, ratio

N_BINS = 10


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """Lesions by score, in bins of equal numbers; bins whose bounds coincide (ties) are one.

    Attributes:
        mean_score: [K] in [0, 1], ascending.
        malignant_share: [K] in [0, 1], what a calibrated model would have equal to mean_score.
        low: [K], of the patient bootstrap's 95 % interval of each share by itself, the bins being held fixed.
        high: [K], likewise.
        n: [K], lesions.
    """

    mean_score: Floats
    malignant_share: Floats
    low: Floats
    high: Floats
    n: Weights


def calibration_curve(
    malignant: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    n_bins: int = N_BINS,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> CalibrationCurve:
    """The calibration curve of scores [N] in [0, 1] of lesions of these patients [N]; no bins where there is no lesion.

    Raises:
        ValueError: as metrics.checked_probabilities.
    """
    labels, values = checked_probabilities(malignant, scores)
    if values.size == 0:
        none = np.empty(0)
        return CalibrationCurve(none, none, none, none, np.empty(0, dtype=np.int64))
    edges = np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1])
    bins = np.searchsorted(edges, values, side="left")  # a score equal to an edge lies below it, as all its ties
    inside = bins[:, None] == np.unique(bins)

    def shares(weights: Weights) -> Floats:
        drawn = weights.astype(np.float64)
        return ratio(drawn @ (inside & labels[:, None]), drawn @ inside)

    n = inside.sum(axis=0)
    share = (inside & labels[:, None]).sum(axis=0) / n
    low, high = percentile_bands(share, bootstrap(shares, patients, seed, n_resamples))
    return CalibrationCurve(values @ inside / n, share, low, high, n.astype(np.int64))
