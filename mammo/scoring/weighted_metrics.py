"""Metrics of all bootstrap resamples at once, with each lesion counted as often as its weight.

All metrics are computed from tallies: the weight of each class at each distinct score. So R x N weights cost a few
passes over memory for each metric.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo.records import Floats
from mammo.scoring.metrics import MIN_TPR, checked

Weights = NDArray[np.int64]
"""[R, N], at least 0: how often each resample contains each lesion."""


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
