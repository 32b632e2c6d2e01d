"""Patient-bootstrap confidence intervals: patients are drawn with replacement, each with all of its lesions.

A resample is a vector of integer weights, one per lesion: how often its patient was drawn. So all resamples of a metric
are computed at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.metrics import Bools, auc
from mammo.scoring.weighted_metrics import Weights, aucs, tallies

N_RESAMPLES = 2000
LEVEL = 0.95

USABLE_SHARE = 0.75
"""Share of the resamples in which a metric must exist for an interval. A metric that needs one certain patient (the
only one with a malignant lesion) does not exist in 1/e = 37 % of them, one that needs either of two patients in 14 %.
An interval of the former would show the variation among the other patients only, or none with one patient per class."""

MAX_ELEMENTS = 4_000_000
"""Weights in memory at once (32 MB)."""


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval; undefined values are NaN."""

    value: float
    low: float
    high: float


def resample_weights(patients: ArrayLike, n_resamples: int, seed: int) -> Weights:
    """Draw all patients with replacement, n_resamples times.

    Args:
        patients: [N], each lesion's patient. The draw depends on the order in which patients first appear, not on their
            names, because two stores of the same images have different pseudonyms.
        n_resamples: R.
        seed: the same seed gives the same draws.

    Returns:
        int64 [R, N], how often each lesion's patient was drawn.
    """
    return np.concatenate(list(_blocks(patients, n_resamples, seed)))


def bootstrap(
    measure: Callable[[Weights], Floats], patients: ArrayLike, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Floats:
    """Compute a measure in every resample, in bounded memory.

    Args:
        measure: from weights [R, N] to values, [R] or [R, K].
        patients: [N], as for resample_weights.
        seed: likewise; two measures of the same lesions and seed use the same resamples.
        n_resamples: R.

    Returns:
        [R] or [R, K]; NaN if the measure does not exist in a resample. All NaN with fewer than two patients: a single
        patient would be drawn each time, and an interval of width 0 would look certain.
    """
    values = np.concatenate([measure(weights) for weights in _blocks(patients, n_resamples, seed)])
    return values if len(set(np.asarray(patients).tolist())) > 1 else np.full_like(values, np.nan)


def usable(resampled: Floats) -> Floats:
    """The values of the resamples [R] in which the metric exists; none if they are too few (USABLE_SHARE)."""
    exists: Bools = ~np.isnan(resampled)
    kept: Floats = resampled[exists & (exists.mean() >= USABLE_SHARE)]
    return kept


def percentile_interval(value: float, resampled: Floats) -> Interval:
    """The estimate `value` with the middle 95 % of the usable resamples of [R]."""
    drawn = usable(resampled)
    if np.isnan(value) or drawn.size == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def percentile_bands(values: Floats, resampled: Floats) -> tuple[Floats, Floats]:
    """Lower and upper bounds [K] of the estimates [K], by percentile_interval of each column of [R, K]."""
    bounds = [percentile_interval(value, drawn) for value, drawn in zip(values.tolist(), resampled.T, strict=True)]
    return np.array([each.low for each in bounds]), np.array([each.high for each in bounds])


def auc_interval(
    malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Interval:
    """AUC of scores [N] for labels [N] in {0, 1}, with its interval by the bootstrap of patients [N]."""
    drawn = bootstrap(lambda weights: aucs(tallies(malignant, scores, weights)), patients, seed, n_resamples)
    return percentile_interval(auc(malignant, scores), drawn)


def _blocks(patients: ArrayLike, n_resamples: int, seed: int) -> Iterator[Weights]:
    """Yield the weights of all resamples in blocks of rows; the size of the blocks does not change the draws."""
    names, first, sorted_index = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    if names.size == 0:
        yield np.zeros((n_resamples, 0), dtype=np.int64)
        return
    rng, shares = np.random.default_rng((seed, names.size)), np.full(names.size, 1 / names.size)
    index = np.argsort(np.argsort(first))[sorted_index]
    at_once = max(1, MAX_ELEMENTS // index.size)
    for start in range(0, n_resamples, at_once):
        drawn = rng.multinomial(names.size, shares, min(at_once, n_resamples - start))
        weights: Weights = drawn[:, index]
        yield weights
