"""Calibration curve: share of malignant lesions by score, with confidence intervals."""

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
    """Lesions in bins of equal numbers by score; bins with equal bounds (ties) are merged.

    Attributes:
        mean_score: [K] in [0, 1], ascending.
        malignant_share: [K] in [0, 1]; equal to mean_score for a calibrated model.
        low: [K], lower bound of the pointwise 95 % patient-bootstrap interval of malignant_share, for fixed bins.
        high: [K], upper bound.
        n: [K], number of lesions.
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
    """The calibration curve of scores; without bins if there is no lesion.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N] in [0, 1].
        patients: [N], each lesion's patient.
        n_bins: number of bins before merging.
        seed: seed of the bootstrap.
        n_resamples: number of resamples.

    Raises:
        ValueError: as metrics.checked_probabilities.
    """
    labels, values = checked_probabilities(malignant, scores)
    if values.size == 0:
        none = np.empty(0)
        return CalibrationCurve(none, none, none, none, np.empty(0, dtype=np.int64))
    edges = np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1])
    bins = np.searchsorted(edges, values, side="left")  # a score at an edge belongs to the lower bin, with its ties
    inside = bins[:, None] == np.unique(bins)

    def shares(weights: Weights) -> Floats:
        """Malignant share of each bin, [R, K], in resamples of these weights [R, N]."""
        drawn = weights.astype(np.float64)
        return ratio(drawn @ (inside & labels[:, None]), drawn @ inside)

    n = inside.sum(axis=0)
    share = (inside & labels[:, None]).sum(axis=0) / n
    low, high = percentile_bands(share, bootstrap(shares, patients, seed, n_resamples))
    return CalibrationCurve(values @ inside / n, share, low, high, n.astype(np.int64))
