"""The benchmarks of evaluation: windows hold the lesion, both intervals agree, and the results are complete."""

import numpy as np
import pytest

from mammo.benchmarks.evaluation_speed import (
    LESION_PX,
    cached_resize,
    lesion_windows,
    loop_interval,
    measure_interval,
    measure_lesion_windows,
    patient_counts,
)
from mammo.benchmarks.workload import breast
from mammo.data.crops import ResamplePlan
from mammo.scoring.intervals import N_RESAMPLES, auc_interval

SHAPE = (900, 800)


@pytest.fixture(autouse=True)
def _synthetic_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)


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


def test_the_result_of_lesion_windows_is_complete() -> None:
    result = measure_lesion_windows(1, SHAPE, n_lesions=1, n_windows=10)
    assert set(result["ratios"]) == {"imread_per_lesion"}  # type: ignore[call-overload]
    for key in ("ours", "limit_ratio", "limit_ratio_antialias", "limit_share"):
        assert result[key] > 0  # type: ignore[operator]


def test_the_loop_gives_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    malignant, patients = rng.integers(0, 2, 120), rng.integers(0, 60, 120)
    scores = malignant + rng.normal(size=120)
    ours = auc_interval(malignant, scores, patients)
    assert loop_interval(malignant, scores, patients, 400) == pytest.approx((ours.low, ours.high), abs=0.015)


def test_each_resample_has_as_many_draws_as_patients() -> None:
    counts = patient_counts(np.array([3, 3, 5, 9]))
    assert counts.shape == (N_RESAMPLES, 3)
    assert (counts.sum(axis=1) == 3).all()


def test_the_result_of_the_interval_is_complete() -> None:
    result = measure_interval(1)
    assert result["benchmark"] == "evaluate"
    assert set(result["ratios"]) == {"scikit-learn loop"}
    assert result["limit_ratio"] > 0
