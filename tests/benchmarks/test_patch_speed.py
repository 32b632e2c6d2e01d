"""The patches benchmark tells what the house asks."""

import pytest

from mammo.benchmarks import patch_speed as patches
from mammo.benchmarks.timing import Way


def test_figures_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    names = ("albumentations", "monai", "torchio", "png", "pydicom_j2k")
    rivals = {name: lambda: Way(lambda: sum(range(10000)), 1) for name in names}
    monkeypatch.setattr(patches, "rivals_of", lambda *_: rivals)
    told = patches.measure(1, (900, 800), n_images=1, n_windows=30)
    assert set(told["ratios"]) == set(names)  # type: ignore[call-overload]
    assert all(told[key] > 0 for key in ("ours", "limit_ratio", "limit_ratio_antialias"))  # type: ignore[operator]
    assert told["missing"] == {}
