"""Calibration curve and decision curve: scores read as probabilities of malignancy, with confidence intervals.

The decision curve (Vickers and Elkin 2006, Medical Decision Making 26:565) shows the net benefit of biopsies by score.
A threshold probability p means that 1 / p - 1 unnecessary biopsies are accepted per detected malignancy. Net benefit is
the number of detected malignancies minus p / (1 - p) times the number of unnecessary biopsies, per lesion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.intervals import N_RESAMPLES, Weights, bootstrap, percentile_bands, ratio
from mammo.scoring.metrics import checked_probabilities, why_undefined

N_BINS = 10
"""Bins of the calibration curve, before ties are merged."""

THRESHOLDS = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2).tolist())
"""Threshold probabilities of the decision curve."""


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


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold probability; NaN if undefined (metrics.why_undefined). Without biopsies it is 0.

    Attributes:
        threshold_probability: [K] in (0, 1), of malignancy.
        model: [K], net benefit of biopsies of the lesions with scores at or above it.
        low: [K], lower bound of the pointwise 95 % patient-bootstrap interval of model.
        high: [K], upper bound.
        biopsy_all: [K], net benefit of biopsies of all lesions.
    """

    threshold_probability: Floats
    model: Floats
    low: Floats
    high: Floats
    biopsy_all: Floats


def decision_curve(
    malignant: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    threshold_probabilities: ArrayLike = THRESHOLDS,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> DecisionCurve:
    """The decision curve of scores.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N] in [0, 1], probabilities of malignancy.
        patients: [N], each lesion's patient.
        threshold_probabilities: [K] in (0, 1).
        seed: seed of the bootstrap.
        n_resamples: number of resamples.

    Raises:
        ValueError: as metrics.checked_probabilities, or a threshold probability is outside (0, 1).
    """
    labels, values = checked_probabilities(malignant, scores)
    threshold = np.asarray(threshold_probabilities, dtype=np.float64)
    outside = threshold[~((threshold > 0) & (threshold < 1))]
    if outside.size:
        raise ValueError(f"threshold probability {outside[0]} is outside (0, 1)")
    if why_undefined(labels):
        undefined = np.full(threshold.shape, np.nan)
        return DecisionCurve(threshold, undefined, undefined, undefined, undefined)
    benefit = np.where(labels[:, None], 1.0, -threshold / (1 - threshold))  # [N, K], of a biopsy of each lesion
    gained = np.where(values[:, None] >= threshold, benefit, 0.0)

    def net_benefit(weights: Weights) -> Floats:
        """Net benefit [R, K] in resamples of these weights [R, N]."""
        drawn = weights.astype(np.float64)
        return np.asarray(drawn @ gained / drawn.sum(axis=1, keepdims=True))

    model = gained.mean(axis=0)
    low, high = percentile_bands(model, bootstrap(net_benefit, patients, seed, n_resamples))
    return DecisionCurve(threshold, model, low, high, benefit.mean(axis=0))
