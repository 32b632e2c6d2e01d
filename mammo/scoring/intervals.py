"""Patient-bootstrap confidence intervals: patients are drawn with replacement, each with all of its lesions.

A resample is a vector of integer weights, one per lesion: how often its patient was drawn. So all resamples of a metric
are computed at once, from lesions that are counted as often as their weight (Tallies).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo.records import Floats
from mammo.scoring.metrics import MIN_TPR, Bools, auc, checked

Weights = NDArray[np.int64]
"""[R, N], at least 0: how often each resample contains each lesion."""

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


class Tallies(NamedTuple):
    """Weight of each class at each distinct score, ascending; one row per resample."""

    scores: Floats
    """[G], distinct."""
    malignant: Weights
    """[R, G]."""
    benign: Weights
    """[R, G]."""


def tallies(malignant: ArrayLike, scores: ArrayLike, weights: Weights) -> Tallies:
    """Tally the weights [R, N] of lesions with labels [N] and scores [N]; ValueError as metrics.checked."""
    labels, values = checked(malignant, scores)
    order = np.argsort(values, kind="stable")
    distinct, starts = np.unique(values[order], return_index=True)
    sorted_weights, is_malignant = weights[:, order], labels[order]
    if values.size == 0:
        return Tallies(distinct, sorted_weights, sorted_weights)
    classes = (sorted_weights * is_malignant, sorted_weights * ~is_malignant)
    return Tallies(distinct, *(np.add.reduceat(kind, starts, axis=1) for kind in classes))


def aucs(t: Tallies) -> Floats:
    """AUC of each resample (metrics.auc): [R] in [0, 1], NaN if it has one class only."""
    below = np.cumsum(t.benign, axis=1) - t.benign
    wins = (t.malignant * (2 * below + t.benign)).sum(axis=1) / 2
    return ratio(wins, t.malignant.sum(axis=1) * t.benign.sum(axis=1))


def partial_aucs(t: Tallies, min_tpr: float = MIN_TPR) -> Floats:
    """Partial AUC of each resample (metrics.partial_auc): [R] in [0, 1], NaN if it has one class only."""
    n_malignant, n_benign = t.malignant.sum(axis=1), t.benign.sum(axis=1)
    missed = np.cumsum(t.malignant, axis=1) - t.malignant
    spared = np.cumsum(t.benign, axis=1) - t.benign
    limit = (1 - min_tpr) * n_malignant
    width = np.clip(limit[:, None] - missed, 0, t.malignant)
    slope = np.divide(t.benign, t.malignant, out=np.zeros(width.shape), where=t.malignant > 0)
    return ratio((width * (spared + slope * width / 2)).sum(axis=1), limit * n_benign)


def average_precisions(t: Tallies) -> Floats:
    """Average precision of each resample (metrics.average_precision): [R], NaN if it has one class only."""
    caught = np.cumsum(t.malignant[:, ::-1], axis=1)[:, ::-1]
    alarms = np.cumsum(t.benign[:, ::-1], axis=1)[:, ::-1]
    precision = ratio(caught.astype(np.float64), caught + alarms)
    gained = np.where(t.malignant > 0, t.malignant * precision, 0.0).sum(axis=1)
    both = np.where(t.benign.sum(axis=1) > 0, t.malignant.sum(axis=1), 0)
    return ratio(gained, both)


def briers(t: Tallies) -> Floats:
    """Brier score of each resample (metrics.brier): [R] in [0, 1], NaN if it has one class only."""
    n_malignant, n_benign = t.malignant.sum(axis=1), t.benign.sum(axis=1)
    lost = t.malignant @ (1 - t.scores) ** 2 + t.benign @ t.scores**2
    return ratio(lost, np.where((n_malignant > 0) & (n_benign > 0), n_malignant + n_benign, 0))


def tnrs_at_fnr(t: Tallies, fnr: float) -> Floats:
    """TNR of each resample at its own threshold (thresholds.tnr_at_fnr): [R], NaN if a class is missing."""
    missed = np.cumsum(t.malignant, axis=1)
    n_malignant, n_benign = t.malignant.sum(axis=1), t.benign.sum(axis=1)
    allowed = np.floor(fnr * n_malignant + 1e-9)
    spared = np.where(missed <= allowed[:, None], t.benign, 0).sum(axis=1)  # the scores below the threshold
    return ratio(spared.astype(np.float64), np.where(n_malignant > 0, n_benign, 0))


def rates_below(t: Tallies, threshold: float) -> tuple[Floats, Floats]:
    """FNR [R] and TNR [R] of each resample at one threshold (thresholds.rates_at); NaN if a class is missing."""
    below = t.scores < threshold
    fnr, tnr = (ratio((kind @ below).astype(np.float64), kind.sum(axis=1)) for kind in (t.malignant, t.benign))
    return fnr, tnr


def ratio(part: Floats, whole: Floats | Weights) -> Floats:
    """Part [R] or [R, K] divided by whole of the same shape; NaN if the whole is 0."""
    shares = np.full(part.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
