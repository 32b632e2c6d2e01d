"""The store benchmark: its result is complete."""

import numpy as np
import pytest

from mammo.benchmarks.store_speed import measure

SHAPE = (900, 700)


@pytest.fixture(autouse=True)
def _synthetic_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)


def test_the_result_is_complete() -> None:
    result = measure(1, SHAPE, n_images=2, n_windows=30)
    assert result["benchmark"] == "store"
    assert set(result["ratios"]) == {"png"}  # type: ignore[call-overload]
    names = ("ours", "limit_ratio", "mb_per_image", "png_mb_per_image", "cold_kb", "cold_ms", "cold_ratio")
    assert all(np.isfinite(result[name]) for name in names)  # type: ignore[call-overload]
    assert 0 < result["mb_per_image"] < 2 * np.prod(SHAPE) / 1e6  # type: ignore[operator]
    assert result["images"] == "made"
