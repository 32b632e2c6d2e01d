"""The benchmarks of training patches, from memory and from disk: their results are complete."""

import numpy as np
import pytest

from mammo.benchmarks import patch_speed
from mammo.benchmarks.timing import Method

SHAPE = (900, 700)


@pytest.fixture(autouse=True)
def _synthetic_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)


def test_the_result_of_patches_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("albumentations", "monai", "torchio", "png", "pydicom_j2k")
    setups = {name: lambda: Method(lambda: sum(range(10000)), 1) for name in names}
    monkeypatch.setattr(patch_speed, "baseline_setups", lambda *_: setups)
    result = patch_speed.measure_patches(1, SHAPE, n_images=1, n_windows=30)
    assert set(result["ratios"]) == set(names)  # type: ignore[call-overload]
    assert all(result[key] > 0 for key in ("ours", "limit_ratio", "limit_ratio_antialias"))  # type: ignore[operator]
    assert result["missing"] == {}


def test_the_result_of_the_store_is_complete() -> None:
    result = patch_speed.measure_store(1, SHAPE, n_images=2, n_windows=30)
    assert result["benchmark"] == "store"
    assert set(result["ratios"]) == {"png"}  # type: ignore[call-overload]
    names = ("ours", "limit_ratio", "mb_per_image", "png_mb_per_image", "cold_kb", "cold_ms", "cold_ratio")
    assert all(np.isfinite(result[name]) for name in names)  # type: ignore[call-overload]
    assert 0 < result["mb_per_image"] < 2 * np.prod(SHAPE) / 1e6  # type: ignore[operator]
    assert result["images"] == "made"
