"""Comparison of two models on the same lesions: difference of AUCs, its interval, and two tests of equal AUCs.

The two scores of a lesion are not independent, so the difference is computed within each resample (paired).

DeLong's variance and test (DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837) assume independent lesions. If
patients have several, its intervals are too narrow and its p-values too small; it is reported beside the patient
bootstrap because other papers report it. It is computed from midranks (Sun and Xu 2014), in n log n steps instead of
all pairs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from mammo.records import Floats
from mammo.scoring.intervals import (
    LEVEL,
    N_RESAMPLES,
    Interval,
    Weights,
    aucs,
    bootstrap,
    percentile_interval,
    tallies,
    usable,
)
from mammo.scoring.metrics import auc, checked, why_undefined


@dataclass(frozen=True)
class Comparison:
    """A paired comparison; undefined values are NaN.

    Attributes:
        auc_difference: AUC of the first minus AUC of the second, with its paired patient-bootstrap interval.
        p_bootstrap: two-sided, from the same resamples (bootstrap_p_value).
        p_delong: two-sided, for independent lesions (delong_p_value).
    """

    auc_difference: Interval
    p_bootstrap: float
    p_delong: float


def compare(
    malignant: ArrayLike,
    scores: ArrayLike,
    baseline: ArrayLike,
    patients: ArrayLike,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Comparison:
    """Compare scores [N] with baseline [N] on lesions of labels [N] in {0, 1} and patients [N]."""
    drawn = auc_differences(malignant, scores, baseline, patients, seed, n_resamples)
    difference = percentile_interval(auc(malignant, scores) - auc(malignant, baseline), drawn)
    return Comparison(difference, bootstrap_p_value(drawn), delong_p_value(malignant, scores, baseline))


def auc_differences(
    malignant: ArrayLike,
    scores: ArrayLike,
    baseline: ArrayLike,
    patients: ArrayLike,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Floats:
    """AUC of scores [N] minus AUC of baseline [N] in each resample of patients, [R]; NaN where one is undefined."""

    def gains(weights: Weights) -> Floats:
        """Difference of the AUCs, [R], in resamples of these weights [R, N]."""
        return aucs(tallies(malignant, scores, weights)) - aucs(tallies(malignant, baseline, weights))

    return bootstrap(gains, patients, seed, n_resamples)


def bootstrap_p_value(differences: Floats) -> float:
    """Two-sided p-value for no difference, by inversion of the percentile interval.

    It is twice the smaller share of resamples [R] on one side of 0. One is added to numerator and denominator, so that
    the p-value is at least 2 / (R + 1). A resample at 0 counts on both sides; those without a value are left out.

    Returns:
        In (0, 1]; NaN if too few resamples have a value.
    """
    drawn = usable(differences)
    if drawn.size == 0:
        return float("nan")
    fewer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return float(min(1.0, 2 * (fewer + 1) / (drawn.size + 1)))


def delong_interval(malignant: ArrayLike, scores: ArrayLike) -> Interval:
    """AUC of scores [N] for labels [N] with DeLong's normal 95 % interval, clipped to [0, 1].

    NaN if undefined (metrics.why_undefined); the bounds are NaN if a class has fewer than two lesions.
    """
    value, error = auc(malignant, scores), np.sqrt(auc_covariance(malignant, [scores])[0, 0])
    half_width = float(norm.ppf((1 + LEVEL) / 2)) * error
    return Interval(value, float(np.clip(value - half_width, 0, 1)), float(np.clip(value + half_width, 0, 1)))


def delong_p_value(malignant: ArrayLike, scores: ArrayLike, baseline: ArrayLike) -> float:
    """Two-sided p-value for equal AUCs of two score vectors [N] of the same lesions.

    Returns:
        In [0, 1]; 1 if the AUCs are equal; NaN if an AUC is undefined or the difference has no variance (fewer than
        two lesions of a class, or all pairs of lesions in the same order within each score vector).
    """
    difference = auc(malignant, scores) - auc(malignant, baseline)
    if difference == 0:
        return 1.0
    covariance = auc_covariance(malignant, [scores, baseline])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(2 * norm.sf(abs(difference) / np.sqrt(variance))) if variance > 1e-15 else float("nan")


def auc_covariance(malignant: ArrayLike, score_vectors: list[ArrayLike]) -> Floats:
    """Covariance matrix [K, K] of the AUCs of K score vectors [N] of the same lesions; NaN if undefined."""
    placements = [_placements(malignant, scores) for scores in score_vectors]
    total: NDArray[np.float64] = np.zeros((len(placements), len(placements)))
    for kind in (0, 1):
        values = np.stack([pair[kind] for pair in placements])
        n = values.shape[1]
        if n < 2:
            return np.full(total.shape, np.nan)
        total += np.atleast_2d(np.cov(values)) / n
    return total


def _placements(malignant: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Share of benign lesions below each malignant one, and share of malignant lesions above each benign one."""
    labels, values = checked(malignant, scores)
    if why_undefined(labels):
        return np.empty(0), np.empty(0)
    overall = rankdata(values)
    m, n = int(labels.sum()), int((~labels).sum())
    above = (overall[labels] - rankdata(values[labels])) / n
    below = 1 - (overall[~labels] - rankdata(values[~labels])) / m
    return above, below
