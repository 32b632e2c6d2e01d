"""Patient-bootstrap intervals: patients are drawn with replacement, each bringing all of its lesions.

A resample is a vector of whole weights, one a lesion (how often its patient was drawn), so every resample of a metric
is computed at once. Lesions of one patient are not independent, and neither are two score vectors of the same lesions:
the difference of two AUCs is taken inside each resample (paired).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo.scoring.metrics import Bools, Floats, auc, checked, tnr_at_fnr

N_RESAMPLES = 2000
LEVEL = 0.95

Weights = NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """An estimate and its percentile bootstrap interval; all NaN where the metric is undefined."""

    value: float
    low: float
    high: float


def resample_weights(patients: ArrayLike, n_resamples: int, seed: int) -> Weights:
    """Draw n_resamples times as many patients as there are, with replacement.

    Args:
        patients: [N], each lesion's patient. The draw goes by the order in which patients first appear, never by
            their names: pseudonyms differ between two stores of the same images, intervals do not.
        n_resamples: R.
        seed: the same seed gives the same draws.

    Returns:
        [R, N], how often each lesion's patient was drawn; 8 bytes an element (16 MB for 2000 x 1000).
    """
    names, first, sorted_index = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    if names.size == 0:
        return np.zeros((n_resamples, 0), dtype=np.int64)
    drawn = np.random.default_rng((seed, names.size)).multinomial(
        names.size, np.full(names.size, 1 / names.size), n_resamples
    )
    index = np.argsort(np.argsort(first))[sorted_index]
    weights: Weights = drawn[:, index]
    return weights


def weighted_aucs(malignant: ArrayLike, scores: ArrayLike, weights: Weights) -> Floats:
    """AUC of every resample: each lesion counted as often as its weight.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N].
        weights: [R, N], whole and not negative.

    Returns:
        [R] in [0, 1]; NaN where a resample drew one class only.
    """
    labels, values = checked(malignant, scores)
    order = np.argsort(values[~labels], kind="stable")
    benign = values[~labels][order]
    below = np.zeros((len(weights), benign.size + 1), dtype=np.int64)  # [:, k]: weight of the k lowest benign scores
    np.cumsum(weights[:, ~labels][:, order], axis=1, out=below[:, 1:])
    left = np.searchsorted(benign, values[labels], side="left")
    right = np.searchsorted(benign, values[labels], side="right")
    positive = weights[:, labels]
    wins = (positive * (below[:, left] + below[:, right])).sum(axis=1) / 2
    return _ratio(wins, positive.sum(axis=1) * below[:, -1])


def weighted_tnrs(malignant: ArrayLike, scores: ArrayLike, weights: Weights, fnr: float) -> Floats:
    """True negative rate at a false negative rate of at most fnr, of every resample (rule: tnr_at_fnr).

    Returns:
        [R] in [0, 1]; NaN where a resample drew one class only.
    """
    labels, values = checked(malignant, scores)
    order = np.argsort(values[labels], kind="stable")
    positives = np.append(values[labels][order], np.inf)
    missed = np.cumsum(weights[:, labels][:, order], axis=1)
    allowed = np.floor(fnr * missed[:, -1:] + 1e-9) if missed.shape[1] else np.zeros((len(weights), 1))
    threshold = positives[(missed <= allowed).sum(axis=1)]
    spared = (weights[:, ~labels] * (values[~labels] < threshold[:, None])).sum(axis=1)
    total = np.where(weights[:, labels].sum(axis=1) > 0, weights[:, ~labels].sum(axis=1), 0)
    return _ratio(spared, total)


def auc_interval(
    malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Interval:
    """AUC of scores [N] with its patient-bootstrap interval."""
    weights = resample_weights(patients, n_resamples, seed)
    return _interval(auc(malignant, scores), weighted_aucs(malignant, scores, weights))


def auc_difference_interval(
    malignant: ArrayLike,
    scores: ArrayLike,
    baseline: ArrayLike,
    patients: ArrayLike,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """AUC of scores [N] minus AUC of baseline [N] on the same lesions, with its paired interval."""
    weights = resample_weights(patients, n_resamples, seed)
    gain = weighted_aucs(malignant, scores, weights) - weighted_aucs(malignant, baseline, weights)
    return _interval(auc(malignant, scores) - auc(malignant, baseline), gain)


def tnr_interval(
    malignant: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    fnr: float,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """True negative rate at fnr with its patient-bootstrap interval; inside [0, 1] by construction."""
    weights = resample_weights(patients, n_resamples, seed)
    return _interval(tnr_at_fnr(malignant, scores, fnr), weighted_tnrs(malignant, scores, weights, fnr))


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratio = np.full(part.shape, np.nan)
    np.divide(part, whole, out=ratio, where=whole > 0)
    return ratio


def _interval(value: float, resampled: Floats) -> Interval:
    """Percentile interval over the resamples in which the metric exists."""
    usable: Bools = ~np.isnan(resampled)
    if np.isnan(value) or not usable.any():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(resampled[usable], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
