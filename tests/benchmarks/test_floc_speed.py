"""The net benchmark: the fast path stays near plain float32, and folding is exact."""

import pytest

from mammo.benchmarks.floc_speed import measure


@pytest.mark.slow
def test_figures_are_complete_and_paths_agree() -> None:
    told = measure(1)
    assert set(told["ratios"]) == {"float32"}  # type: ignore[call-overload]
    assert told["largest_difference"] <= 1e-2  # type: ignore[operator]


@pytest.mark.slow
def test_folding_is_exact_where_the_channels_constants_are() -> None:
    told = measure(1, "resnetv2_50.a1h_in1k", n_patches=2, patch_px=64)
    # The rounding of bfloat16, which this untrained network on noise magnifies to 0.1, is the processor's choice.
    assert told["largest_difference"] <= max(1e-2, 3 * told["rounding_difference"])  # type: ignore[call-overload, operator]
    assert told["fold_difference"] <= 1e-12  # type: ignore[operator]
