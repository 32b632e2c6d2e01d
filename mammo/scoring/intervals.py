"""Patient-bootstrap intervals: patients are drawn with replacement, each bringing all of its lesions.

A resample is a vector of whole weights, one a lesion (how often its patient was drawn), so every resample of a metric
is computed at once. Lesions of one patient are not independent, and neither are two score vectors of the same lesions:
the difference of two AUCs is taken inside each resample (paired).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.scoring.metrics import Bools, Floats, auc
from mammo.scoring.thresholds import tnr_at_fnr
from mammo.scoring.weighted import Weights, aucs, tallies, tnrs_at_fnr

N_RESAMPLES = 2000
LEVEL = 0.95

ELEMENTS_AT_ONCE = 4_000_000
"""Weights held in memory together (32 MB)."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval; NaN what is undefined."""

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
        [R, N], how often each lesion's patient was drawn; 8 bytes an element.
    """
    return np.concatenate(list(_blocks(patients, n_resamples, seed)))


def bootstrap(
    measure: Callable[[Weights], Floats], patients: ArrayLike, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Floats:
    """What a measure gives in every resample, in bounded memory.

    Args:
        measure: from weights [R, N] to values, [R] or [R, K].
        patients: [N], as for resample_weights.
        seed: likewise; two measures of the same lesions and seed see the same resamples.
        n_resamples: R.

    Returns:
        [R] or [R, K]; NaN where a measure does not exist in a resample.
    """
    return np.concatenate([measure(weights) for weights in _blocks(patients, n_resamples, seed)])


def percentile_interval(value: float, resampled: Floats) -> Interval:
    """The middle 95 % of the resamples [R] in which the metric exists, around the estimate `value`."""
    usable: Bools = ~np.isnan(resampled)
    if np.isnan(value) or not usable.any():
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(resampled[usable], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def auc_interval(
    malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Interval:
    """AUC of scores [N] with its patient-bootstrap interval."""
    drawn = bootstrap(lambda weights: aucs(tallies(malignant, scores, weights)), patients, seed, n_resamples)
    return percentile_interval(auc(malignant, scores), drawn)


def tnr_interval(
    malignant: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    fnr: float,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """True negative rate at fnr, the threshold picked on these lesions, with its patient-bootstrap interval."""
    drawn = bootstrap(
        lambda weights: tnrs_at_fnr(tallies(malignant, scores, weights), fnr), patients, seed, n_resamples
    )
    return percentile_interval(tnr_at_fnr(malignant, scores, fnr), drawn)


def auc_difference_interval(
    malignant: ArrayLike,
    scores: ArrayLike,
    baseline: ArrayLike,
    patients: ArrayLike,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """AUC of scores [N] minus AUC of baseline [N] on the same lesions, with its paired interval."""
    drawn = auc_differences(malignant, scores, baseline, patients, seed, n_resamples)
    return percentile_interval(auc(malignant, scores) - auc(malignant, baseline), drawn)


def auc_differences(
    malignant: ArrayLike, scores: ArrayLike, baseline: ArrayLike, patients: ArrayLike, seed: int, n_resamples: int
) -> Floats:
    """AUC of scores [N] minus AUC of baseline [N] in every resample, [R]."""

    def gains(weights: Weights) -> Floats:
        return aucs(tallies(malignant, scores, weights)) - aucs(tallies(malignant, baseline, weights))

    return bootstrap(gains, patients, seed, n_resamples)


def _blocks(patients: ArrayLike, n_resamples: int, seed: int) -> Iterator[Weights]:
    """The weights of all resamples in order, a block of rows at a time; the blocks' size does not change the draws."""
    names, first, sorted_index = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    if names.size == 0:
        yield np.zeros((n_resamples, 0), dtype=np.int64)
        return
    rng, shares = np.random.default_rng((seed, names.size)), np.full(names.size, 1 / names.size)
    index = np.argsort(np.argsort(first))[sorted_index]
    at_once = max(1, ELEMENTS_AT_ONCE // index.size)
    for start in range(0, n_resamples, at_once):
        drawn = rng.multinomial(names.size, shares, min(at_once, n_resamples - start))
        weights: Weights = drawn[:, index]
        yield weights
