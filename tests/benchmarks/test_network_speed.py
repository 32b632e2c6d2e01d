"""The benchmarks of inference: both paths agree, folding is exact, and the limit does the same arithmetic."""

import pytest
import torch

from mammo.benchmarks.network_speed import SIDE, measure_context, measure_floc, product
from mammo.geometry import Frame
from mammo.models.gmic import GmicSizes

SMALL = GmicSizes(widths=(16, 32, 32), strides=(1, 2, 1), blocks=1, local_widths=(16, 32), attention=8)


def test_the_result_of_the_context_network_is_complete() -> None:
    threads = torch.get_num_threads()
    result = measure_context(1, SMALL, Frame(368, 240, 8))
    torch.set_num_threads(threads)
    assert result["benchmark"] == "context"
    assert set(result) >= {"ours", "limit_ratio", "ratios", "rounds", "machine", "precision"}
    assert set(result["ratios"]) == {"float32"}  # type: ignore[call-overload]
    assert 0 <= result["largest_difference"] <= 1e-2  # type: ignore[operator]
    assert 0 <= result["largest_saliency_difference"] <= 1  # type: ignore[operator]
    peaks = result["peak_mb"]
    assert isinstance(peaks, dict)
    assert set(peaks) == {f"{work}_{path}" for work in ("inference", "training") for path in ("float32", "fast")}
    assert all(100 < peak < 4000 for peak in peaks.values())


def test_the_limit_has_as_many_multiplications_as_the_network() -> None:
    method = product(4 * SIDE**3, "32-true")
    assert method.units == pytest.approx(0.5)


@pytest.mark.slow
def test_the_result_of_floc_is_complete_and_both_paths_agree() -> None:
    result = measure_floc(1)
    assert set(result["ratios"]) == {"float32"}  # type: ignore[call-overload]
    # How much bfloat16 rounds depends on the processor: the plain network's own rounding there is the reference.
    assert result["largest_difference"] <= max(1e-5, 2 * result["rounding_difference"])  # type: ignore[call-overload, operator]
    assert result["rounding_difference"] <= 2e-2  # type: ignore[operator]


@pytest.mark.slow
def test_folding_is_exact_for_a_backbone_with_channel_constants() -> None:
    result = measure_floc(1, "resnetv2_50.a1h_in1k", n_patches=2, patch_px=64)
    # This untrained network on noise magnifies the rounding of bfloat16, which depends on the processor, to 0.1.
    assert result["largest_difference"] <= max(1e-2, 3 * result["rounding_difference"])  # type: ignore[call-overload, operator]
    assert result["fold_difference"] <= 1e-12  # type: ignore[operator]
