"""The lesion benchmark: windows hold the lesion and lie on whole pixels, and the result is complete."""

import numpy as np
import pytest

from mammo.benchmarks.lesion_speed import LESION_PX, cached_resize, lesion_windows, measure
from mammo.benchmarks.workload import breast
from mammo.data.resample_plan import ResamplePlan

SHAPE = (900, 800)


def test_windows_lie_on_whole_pixels_and_hold_a_pixel_of_the_lesion() -> None:
    images = {"a": breast(0, SHAPE), "b": breast(1, SHAPE)}
    found = lesion_windows(images, 50)
    assert found.image_ids == ["a"] * 50 + ["b"] * 50
    assert ResamplePlan.from_windows(found.windows, 256).whole.all()
    for rows in (slice(0, 50), slice(50, 100)):
        window = found.windows[rows]
        low, high = window[:, :2] - window[:, 2:3] / 2, window[:, :2] + window[:, 2:3] / 2
        assert ((high.min(axis=0) - low.max(axis=0)) > -LESION_PX).all()
    assert len(np.unique(found.windows, axis=0)) == 100


def test_the_limit_resizes_once_per_window(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, ...]] = []
    image = breast(0, SHAPE)
    windows = lesion_windows({"a": image}, 5)
    monkeypatch.setattr("cv2.resize", lambda source, size, dst: calls.append((source.shape[0], *size)))
    cached_resize(windows, image).work()
    assert calls == [(int(side), 256, 256) for side in windows.windows[:, 2]]


def test_the_result_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    result = measure(1, SHAPE, n_lesions=1, n_windows=10)
    assert set(result["ratios"]) == {"imread_per_lesion"}  # type: ignore[call-overload]
    for key in ("ours", "limit_ratio", "limit_ratio_antialias", "limit_share"):
        assert result[key] > 0  # type: ignore[operator]
