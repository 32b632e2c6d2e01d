"""The net benchmark: the fast path is as close to float32 as the plain network in its precision; folding is exact."""

import pytest

from mammo.benchmarks.floc_speed import measure


@pytest.mark.slow
def test_the_result_is_complete_and_both_paths_agree() -> None:
    result = measure(1)
    assert set(result["ratios"]) == {"float32"}  # type: ignore[call-overload]
    # How much bfloat16 rounds depends on the processor: the plain network's own rounding there is the reference.
    assert result["largest_difference"] <= max(1e-5, 2 * result["rounding_difference"])  # type: ignore[call-overload, operator]
    assert result["rounding_difference"] <= 2e-2  # type: ignore[operator]


@pytest.mark.slow
def test_folding_is_exact_for_a_backbone_with_channel_constants() -> None:
    result = measure(1, "resnetv2_50.a1h_in1k", n_patches=2, patch_px=64)
    # This untrained network on noise magnifies the rounding of bfloat16, which depends on the processor, to 0.1.
    assert result["largest_difference"] <= max(1e-2, 3 * result["rounding_difference"])  # type: ignore[call-overload, operator]
    assert result["fold_difference"] <= 1e-12  # type: ignore[operator]
