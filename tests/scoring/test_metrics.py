"""Metrics against scikit-learn, brute force and worked examples, with random, tied and few scores."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from mammo.scoring.metrics import auc, average_precision, brier, partial_auc, roc, why_undefined

tied_cases = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=25)


@pytest.mark.parametrize("n", [2, 3, 10, 600])
@pytest.mark.parametrize("levels", [2, 5, 10**9])
def test_auc_equals_scikit_learns(n: int, levels: int) -> None:
    rng = np.random.default_rng((n, levels))
    labels = rng.permutation([0, 1, *rng.integers(0, 2, n - 2)])
    scores = rng.integers(0, levels, n) / levels
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-14)


@settings(deadline=None)
@given(tied_cases)
def test_auc_counts_pairs_and_half_of_ties(case: list[tuple[int, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    assert auc(labels, scores) == pytest.approx(np.mean(pairs), abs=1e-14)


@settings(deadline=None)
@given(tied_cases)
def test_roc_equals_scikit_learns_and_its_area_is_the_auc(case: list[tuple[int, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    fpr, tpr = roc(labels, scores)
    expected = roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(fpr, expected[0])
    np.testing.assert_allclose(tpr, expected[1])
    assert np.trapezoid(tpr, fpr) == pytest.approx(auc(labels, scores))


@settings(deadline=None, max_examples=300)
@given(tied_cases, st.sampled_from([0.0, 0.3, 0.5, 0.9, 0.95]))
def test_partial_auc_equals_scikit_learns(case: list[tuple[int, int]], min_tpr: float) -> None:
    """With exchanged classes it is a partial AUC over small false positive rates, without McClish's scaling."""
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    limit = 1 - min_tpr
    scaled = roc_auc_score(1 - labels, -scores, max_fpr=limit)
    raw = scaled if limit == 1 else (2 * scaled - 1) * (limit - limit**2 / 2) + limit**2 / 2
    expected = raw / limit
    assert partial_auc(labels, scores, min_tpr) == pytest.approx(expected, abs=1e-12)


def test_partial_auc_of_a_worked_example() -> None:
    labels, scores = [1, 1, 0, 0], [0.4, 0.9, 0.3, 0.6]
    assert partial_auc(labels, scores, 0.5) == pytest.approx(0.5)  # the last malignant lesion is detected at TNR 1/2
    assert partial_auc([1, 1, 0, 0], [0.8, 0.9, 0.1, 0.2], 0.95) == 1
    assert partial_auc([1, 0], [0.5, 0.5], 0.95) == pytest.approx(0.025)  # chance


@settings(deadline=None, max_examples=200)
@given(tied_cases)
def test_average_precision_and_brier_equal_scikit_learns(case: list[tuple[int, int]]) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert brier(labels, scores / 4) == pytest.approx(brier_score_loss(labels, scores / 4), abs=1e-12)


@pytest.mark.parametrize(("labels", "reason"), [([], "no lesion"), ([0, 0], "no malignant"), ([1, 1], "no benign")])
def test_one_class_is_undefined(labels: list[int], reason: str) -> None:
    scores = np.linspace(0, 1, len(labels))
    assert reason in why_undefined(labels)
    assert np.isnan(auc(labels, scores))
    assert np.isnan([partial_auc(labels, scores), average_precision(labels, scores), brier(labels, scores)]).all()
    assert all(np.isnan(axis).all() for axis in roc(labels, scores))


@pytest.mark.parametrize("metric", [auc, roc, partial_auc, average_precision, brier])
def test_a_nan_score_is_rejected(metric: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="1 of 3 scores are not a number"):
        metric([0, 1, 1], [0.1, np.nan, 0.3])


def test_invalid_labels_and_lengths_are_rejected() -> None:
    with pytest.raises(ValueError, match="neither 0"):
        auc([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match="must be vectors of equal length"):
        auc([0, 1, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match="outside"):
        brier([0, 1], [0.1, 1.2])
    with pytest.raises(ValueError, match=r"min_tpr must be in \[0, 1\), got 1\.0"):
        partial_auc([0, 1], [0.1, 0.2], 1.0)
