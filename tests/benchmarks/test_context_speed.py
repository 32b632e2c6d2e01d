"""The context benchmark: its result is complete, and its limit does the same arithmetic."""

import pytest
import torch

from mammo.benchmarks.context_speed import SIDE, measure, product
from mammo.geometry import Frame
from mammo.models.gmic import GmicSizes

SMALL = GmicSizes(widths=(16, 32, 32), strides=(1, 2, 1), blocks=1, local_widths=(16, 32), attention=8)


def test_the_result_is_complete() -> None:
    threads = torch.get_num_threads()
    result = measure(1, SMALL, Frame(368, 240, 8))
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
