"""Weighted metrics against plain ones on lesions repeated by their weights."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from mammo.scoring.intervals import resample_weights
from mammo.scoring.metrics import average_precision, brier, partial_auc
from mammo.scoring.thresholds import rates_at, tnr_at_fnr
from mammo.scoring.weighted_metrics import (
    Tallies,
    aucs,
    average_precisions,
    briers,
    partial_aucs,
    rates_below,
    tallies,
    tnrs_at_fnr,
)

Weighted = Callable[[Tallies], np.ndarray]
Plain = Callable[[np.ndarray, np.ndarray], float]

PAIRS: dict[str, tuple[Weighted, Plain]] = {
    "auc": (aucs, roc_auc_score),
    "average precision": (average_precisions, average_precision_score),
    "brier": (briers, brier_score_loss),
    "partial auc": (partial_aucs, partial_auc),
    "partial auc from 0.5": (lambda t: partial_aucs(t, 0.5), lambda y, s: partial_auc(y, s, 0.5)),
    "rates: tnr": (lambda t: rates_below(t, 0.4)[1], lambda y, s: rates_at(y, s, 0.4).tnr),
    "rates: fnr": (lambda t: rates_below(t, 0.4)[0], lambda y, s: rates_at(y, s, 0.4).fnr),
    **{
        f"tnr at {fnr}": (lambda t, fnr=fnr: tnrs_at_fnr(t, fnr), lambda y, s, fnr=fnr: tnr_at_fnr(y, s, fnr))
        for fnr in (0, 0.05, 0.2, 1)
    },
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("levels", [2, 4, 10**6])
@pytest.mark.parametrize("n", [12, 80])
def test_weights_equal_repeated_lesions(name: str, levels: int, n: int) -> None:
    weighted, plain = PAIRS[name]
    rng = np.random.default_rng((n, levels))
    labels, scores = rng.integers(0, 2, n), rng.integers(0, levels + 1, n) / levels
    weights = resample_weights(rng.integers(0, n // 3, n), 40, 0)
    weights = weights[(weights @ labels > 0) & (weights @ (1 - labels) > 0)]
    expected = [plain(np.repeat(labels, w), np.repeat(scores, w)) for w in weights]
    np.testing.assert_allclose(weighted(tallies(labels, scores, weights)), expected, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in PAIRS if not name.startswith("rates")])
def test_resamples_of_one_class_are_undefined(name: str) -> None:
    weights = np.array([[1, 0, 0], [0, 1, 2], [1, 1, 0]])
    drawn = PAIRS[name][0](tallies(np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2]), weights))
    assert np.isnan(drawn).tolist() == [True, True, False]


@pytest.mark.parametrize("metric", [average_precision, brier, partial_auc])
def test_no_lesion_is_undefined(metric: Plain) -> None:
    assert np.isnan(metric(np.empty(0), np.empty(0)))
    empty = tallies([], [], np.zeros((3, 0), dtype=np.int64))
    assert all(np.isnan(weighted(empty)).all() for weighted, _ in PAIRS.values())
