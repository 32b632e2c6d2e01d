"""The patches benchmark: its result is complete."""

import pytest

from mammo.benchmarks import patch_speed as patches
from mammo.benchmarks.timing import Method


def test_the_result_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    names = ("albumentations", "monai", "torchio", "png", "pydicom_j2k")
    setups = {name: lambda: Method(lambda: sum(range(10000)), 1) for name in names}
    monkeypatch.setattr(patches, "baseline_setups", lambda *_: setups)
    result = patches.measure(1, (900, 800), n_images=1, n_windows=30)
    assert set(result["ratios"]) == set(names)  # type: ignore[call-overload]
    assert all(result[key] > 0 for key in ("ours", "limit_ratio", "limit_ratio_antialias"))  # type: ignore[operator]
    assert result["missing"] == {}
