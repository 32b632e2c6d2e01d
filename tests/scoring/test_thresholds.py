"""Thresholds against a brute-force search, and applied to other lesions."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammo.scoring.thresholds import rates_at, threshold_at_fnr, tnr_at_fnr

tied_cases = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=25)


def best_tnr_of_any_threshold(labels: NDArray[np.int64], scores: NDArray[np.int64], fnr: float) -> float:
    """The largest TNR by brute force over all relevant thresholds."""
    best = -1.0
    for threshold in [*np.unique(scores), np.inf, -np.inf]:
        missed = sum(s < threshold for s, y in zip(scores, labels, strict=True) if y)
        spared = sum(s < threshold for s, y in zip(scores, labels, strict=True) if not y)
        if missed <= fnr * labels.sum() + 1e-9:
            best = max(best, spared / (len(labels) - labels.sum()))
    return best


@settings(deadline=None, max_examples=300)
@given(tied_cases, st.sampled_from([0, 0.01, 0.02, 0.03, 0.05, 0.25, 1 / 3, 0.5, 0.9, 1]))
def test_the_tnr_is_the_largest_of_all_thresholds(case: list[tuple[int, int]], fnr: float) -> None:
    labels, scores = (np.array(column) for column in zip(*case, strict=True))
    assume(0 < labels.sum() < len(labels))
    assert tnr_at_fnr(labels, scores, fnr) == pytest.approx(best_tnr_of_any_threshold(labels, scores, fnr))


def test_the_tnr_of_a_worked_example() -> None:
    labels = [1, 1, 1, 1, 0, 0, 0, 0]
    scores = [0.2, 0.4, 0.6, 0.8, 0.1, 0.2, 0.3, 0.9]
    assert tnr_at_fnr(labels, scores, 0) == 0.25  # threshold 0.2: the benign lesion tied with it is not spared
    assert tnr_at_fnr(labels, scores, 0.24) == 0.25  # 0.96 allowed misses are none
    assert tnr_at_fnr(labels, scores, 0.25) == 0.75
    assert tnr_at_fnr(labels, scores, 1) == 1


def test_allowed_misses_are_robust_to_rounding() -> None:
    labels, scores = np.repeat([1, 0], [100, 100]), np.tile(np.arange(100), 2)
    assert tnr_at_fnr(labels, scores, 0.29) == 0.29  # 0.29 * 100 is 28.999999999999996


def test_a_threshold_is_applied_to_other_lesions() -> None:
    threshold = threshold_at_fnr([1, 1, 0], [0.3, 0.6, 0.1], 0.5)
    assert threshold == 0.6
    rates = rates_at([1, 1, 1, 0, 0], [0.59, 0.6, 0.9, 0.2, 0.6], threshold)
    assert (rates.fnr, rates.tnr) == (pytest.approx(1 / 3), 0.5)  # a lesion at the threshold is called malignant


def test_undefined_rates_are_nan() -> None:
    assert np.isnan(threshold_at_fnr([0, 0], [0.1, 0.2], 0.02))
    assert np.isnan(tnr_at_fnr([0, 0], [0.1, 0.2], 0.02))
    assert np.isnan(tnr_at_fnr([1, 1], [0.1, 0.2], 0.02))
    assert np.isnan(rates_at([1], [0.5], 0.5).tnr)
    assert np.isnan(rates_at([0], [0.5], 0.5).fnr)
    assert np.isnan(rates_at([0, 1], [0.5, 0.6], np.nan).tnr)


def test_a_rate_outside_its_range_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"fnr must be in \[0, 1\], got 2"):
        tnr_at_fnr([0, 1], [0.1, 0.2], 2)
    with pytest.raises(ValueError, match="not a number"):
        threshold_at_fnr([0, 1], [0.1, np.nan], 0)
