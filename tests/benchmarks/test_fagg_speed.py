"""The fagg benchmark: the algebra equals the plain layers within the differences that it reports."""

import pytest

from mammo.benchmarks.fagg_speed import best_ratio, measure_fagg


def test_the_result_is_complete_and_both_methods_agree() -> None:
    result = measure_fagg(1, n_windows=20, n_lesions=2)
    assert set(result["ratios"]) == {"plain", "plain_train", "plain_views", "plain_views_train"}  # type: ignore[call-overload]
    assert result["largest_difference"] <= 1e-5  # type: ignore[operator]
    assert result["gradient_difference"] <= 1e-10  # type: ignore[operator]
    assert all(result[key] > 0 for key in ("ours", "limit_ratio", "limit_ratio_one_lesion", "train"))  # type: ignore[operator]


def test_the_faster_layout_is_reported() -> None:
    assert best_ratio({"plain": 3.0, "plain_channels_last": 2.0}) == {"plain": pytest.approx(2.0)}
