"""The workload of the patch benchmarks: a temporary store, windows, batches and methods."""

import os

import numpy as np
import pytest

from mammo.benchmarks.workload import (
    ANGLE_DEG,
    FULL_SHAPE,
    SIDE_PX,
    breast,
    cached_warp,
    crop_method,
    image_workload,
    images,
    split_requests,
    training_windows,
)
from mammo.data.crops import ResamplePlan
from mammo.geometry import Box

SHAPE = (900, 800)


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_store_holds_the_images_while_the_benchmark_lasts(in_memory: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    with image_workload(2, SHAPE, in_memory) as workload:
        assert workload.kind == "made"
        assert workload.store.hot == (set(workload.pixels) if in_memory else set())
        for image_id, pixels in workload.pixels.items():
            assert np.array_equal(workload.store.read(image_id, Box(0, 900, 0, 800)), pixels)
    assert not workload.folder.exists()


def test_every_window_is_cropped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    with image_workload(1, SHAPE, in_memory=True) as workload:
        sizes: list[int] = []
        monkeypatch.setattr("mammo.benchmarks.workload.crop", lambda store, part, *rest: sizes.append(len(part)))
        method = crop_method(workload.store, training_windows(workload.pixels, 23), antialias=True, batch_size=10)
        method.work()
    assert sizes == [10, 10, 3]
    assert method.units == 23


IMAGES = {name: breast(index, (900, 800)) for index, name in enumerate(("a", "b"))}


def test_windows_lie_inside_the_image_and_are_reproducible() -> None:
    found, again = training_windows(IMAGES, 60), training_windows(IMAGES, 60)
    assert found.image_ids == again.image_ids
    assert np.array_equal(found.windows, again.windows)
    assert set(found.image_ids) == set(IMAGES)
    boxes = ResamplePlan.from_windows(found.windows, 256).box
    assert boxes.min() >= 0
    assert (boxes[:, 1] <= 900).all()
    assert (boxes[:, 3] <= 800).all()
    assert found.windows[:, 2].min() >= SIDE_PX[0]
    assert found.windows[:, 2].max() <= SIDE_PX[1]
    assert np.abs(found.windows[:, 3]).max() <= ANGLE_DEG


def test_batches_hold_every_request_in_order() -> None:
    found = training_windows(IMAGES, 7)
    parts = split_requests(found, 3)
    assert [len(part) for part in parts] == [3, 3, 1]
    assert np.array_equal(np.concatenate([part.windows for part in parts]), found.windows)


def test_the_limit_warps_once_per_window(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr("cv2.warpAffine", lambda source, matrix, size, flags: calls.append(size))
    method = cached_warp(training_windows(IMAGES, 5), IMAGES["a"])
    method.work()
    assert calls == [(256, 256)] * 5
    assert method.units == 5


SMALL_SHAPE = (448, 416)


def test_synthetic_images_have_12_bits_and_a_black_background() -> None:
    pixels = breast(0, SMALL_SHAPE)
    assert pixels.dtype == np.uint16
    assert pixels.max() <= 4095
    assert 0.2 < (pixels == 0).mean() < 0.8
    assert not np.array_equal(pixels, breast(1, SMALL_SHAPE))


@pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM is not set")
def test_a_real_exam_is_used_if_available() -> None:
    found, kind = images(3)
    assert kind == "real"
    assert all(pixels.shape == FULL_SHAPE and pixels.dtype == np.uint16 for pixels in found.values())
    assert len({pixels.tobytes() for pixels in found.values()}) == 3


def test_synthetic_images_are_used_without_a_real_exam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    found, kind = images(2, SMALL_SHAPE)
    assert kind == "made"
    assert [pixels.shape for pixels in found.values()] == [SMALL_SHAPE, SMALL_SHAPE]
