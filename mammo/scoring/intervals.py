"""Patient-bootstrap intervals: patients are drawn with replacement, each bringing all of its lesions.

A resample is a vector of whole weights, one a lesion (how often its patient was drawn), so every resample of a metric
is computed at once.
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
"""Of the resamples, in which a metric must exist to have an interval. A metric that needs one certain patient (the only
one with a malignant lesion, say) is missing from 1/e = 37 % of them, one that needs either of two from 14 %: the
interval of the first would tell of the others' spread alone, and of two patients of one class each, of none."""

MAX_ELEMENTS = 4_000_000
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
        [R] or [R, K]; NaN where a measure does not exist in a resample, and everywhere with fewer than two patients:
        the one would be drawn each time, and no spread would look like certainty.
    """
    values = np.concatenate([measure(weights) for weights in _blocks(patients, n_resamples, seed)])
    return values if len(set(np.asarray(patients).tolist())) > 1 else np.full_like(values, np.nan)


def usable(resampled: Floats) -> Floats:
    """Of the resamples [R], those in which the metric exists; none where they are too few to tell, see USABLE_SHARE."""
    exists: Bools = ~np.isnan(resampled)
    kept: Floats = resampled[exists & (exists.mean() >= USABLE_SHARE)]
    return kept


def percentile_interval(value: float, resampled: Floats) -> Interval:
    """The middle 95 % of the usable resamples of [R] around the estimate `value`."""
    drawn = usable(resampled)
    if np.isnan(value) or drawn.size == 0:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def percentile_bands(values: Floats, resampled: Floats) -> tuple[Floats, Floats]:
    """Lower and upper bounds [K] of each of the estimates [K], by percentile_interval of its column of [R, K]."""
    bounds = [percentile_interval(value, drawn) for value, drawn in zip(values.tolist(), resampled.T, strict=True)]
    return np.array([each.low for each in bounds]), np.array([each.high for each in bounds])


def auc_interval(
    malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike, seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Interval:
    """AUC of scores [N] with its patient-bootstrap interval."""
    drawn = bootstrap(lambda weights: aucs(tallies(malignant, scores, weights)), patients, seed, n_resamples)
    return percentile_interval(auc(malignant, scores), drawn)


def _blocks(patients: ArrayLike, n_resamples: int, seed: int) -> Iterator[Weights]:
    """The weights of all resamples in order, a block of rows at a time; the blocks' size does not change the draws."""
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
