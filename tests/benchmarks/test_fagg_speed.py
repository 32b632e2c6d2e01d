"""The fagg benchmark: the algebra equals the plain layers within the bounds that it reports."""

import pytest

from mammo.benchmarks.fagg_speed import best, measure


def test_figures_are_complete_and_the_two_ways_agree() -> None:
    told = measure(1, n_windows=20, n_lesions=2)
    assert set(told["ratios"]) == {"plain", "plain_train"}  # type: ignore[call-overload]
    assert told["largest_difference"] <= 1e-5  # type: ignore[operator]
    assert told["gradient_difference"] <= 1e-10  # type: ignore[operator]
    assert all(told[key] > 0 for key in ("ours", "limit_ratio", "limit_ratio_one_lesion", "train"))  # type: ignore[operator]


def test_the_better_layout_counts() -> None:
    assert best({"plain": 3.0, "plain_channels_last": 2.0}) == {"plain": pytest.approx(2.0)}
