from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from mammo.scoring.metrics import auc, roc, tnr_at_fnr, why_undefined

tied_cases = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=25)


def best_tnr_of_any_threshold(labels: NDArray[np.int64], scores: NDArray[np.int64], fnr: float) -> float:
    """Brute force over every threshold that can matter."""
    best = -1.0
    for threshold in [*np.unique(scores), np.inf, -np.inf]:
        missed = sum(s < threshold for s, y in zip(scores, labels, strict=True) if y)
        spared = sum(s < threshold for s, y in zip(scores, labels, strict=True) if not y)
        if missed <= fnr * labels.sum() + 1e-9:
            best = max(best, spared / (len(labels) - labels.sum()))
    return best


@pytest.mark.parametrize("n", [2, 3, 10, 600])
@pytest.mark.parametrize("levels", [2, 5, 10**9])
def test_auc_is_scikit_learns(n: int, levels: int) -> None:
    rng = np.random.default_rng((n, levels))
    labels = rng.permutation([0, 1, *rng.integers(0, 2, n - 2)])
    scores = rng.integers(0, levels, n) / levels
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)


@settings(deadline=None)
@given(tied_cases)
def test_auc_counts_pairs_a_tie_half(case: list[tuple[int, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    assert auc(labels, scores) == pytest.approx(np.mean(pairs), abs=1e-14)


@settings(deadline=None)
@given(tied_cases)
def test_roc_is_scikit_learns_and_its_area_is_the_auc(case: list[tuple[int, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    fpr, tpr = roc(labels, scores)
    expected = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(fpr, expected[0])
    np.testing.assert_allclose(tpr, expected[1])
    assert np.trapezoid(tpr, fpr) == pytest.approx(auc(labels, scores))


@settings(deadline=None, max_examples=300)
@given(tied_cases, st.sampled_from([0, 0.01, 0.02, 0.03, 0.05, 0.25, 1 / 3, 0.5, 0.9, 1]))
def test_tnr_is_the_best_of_all_thresholds(case: list[tuple[int, int]], fnr: float) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    assert tnr_at_fnr(labels, scores, fnr) == pytest.approx(best_tnr_of_any_threshold(labels, scores, fnr))


def test_tnr_by_hand() -> None:
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    scores = [0.2, 0.4, 0.6, 0.8, 0.1, 0.2, 0.3, 0.9]
    assert tnr_at_fnr(labels, scores, 0) == 0.25  # threshold 0.2: the benign lesion tied with it is not spared
    assert tnr_at_fnr(labels, scores, 0.24) == 0.25  # 0.96 of a lesion is no miss
    assert tnr_at_fnr(labels, scores, 0.25) == 0.75
    assert tnr_at_fnr(labels, scores, 1) == 1


def test_allowed_misses_survive_rounding() -> None:
    labels, scores = np.repeat([1, 0], [100, 100]), np.tile(np.arange(100), 2)
    assert tnr_at_fnr(labels, scores, 0.29) == 0.29  # 0.29 * 100 is 28.999999999999996


@pytest.mark.parametrize(("labels", "reason"), [([], "no lesion"), ([0, 0], "no malignant"), ([1, 1], "no benign")])
def test_one_class_is_undefined_never_a_number(labels: list[int], reason: str) -> None:
    scores = np.linspace(0, 1, len(labels))
    assert reason in why_undefined(labels)
    assert np.isnan(auc(labels, scores))
    assert np.isnan(tnr_at_fnr(labels, scores, 0.02))
    assert all(np.isnan(axis).all() for axis in roc(labels, scores))


@pytest.mark.parametrize("metric", [auc, roc, lambda y, s: tnr_at_fnr(y, s, 0)])
def test_a_nan_score_is_an_error(metric: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="1 of 3 scores are not a number"):
        metric([0, 1, 1], [0.1, np.nan, 0.3])


def test_wrong_labels_and_lengths_are_errors() -> None:
    with pytest.raises(ValueError, match="neither 0"):
        auc([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="two vectors of one length"):
        auc([0, 1, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match="outside"):
        tnr_at_fnr([0, 1], [0.1, 0.2], 2)
