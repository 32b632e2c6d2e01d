"""Sample images of benchmarks: real if an exam is available, otherwise synthetic."""

import os

import numpy as np
import pytest

from mammo.benchmarks.sample_images import FULL_SHAPE, breast, images

SHAPE = (448, 416)


def test_synthetic_images_have_12_bits_and_a_black_background() -> None:
    pixels = breast(0, SHAPE)
    assert pixels.dtype == np.uint16
    assert pixels.max() <= 4095
    assert 0.2 < (pixels == 0).mean() < 0.8
    assert not np.array_equal(pixels, breast(1, SHAPE))


@pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM is not set")
def test_a_real_exam_is_used_if_available() -> None:
    found, kind = images(3)
    assert kind == "real"
    assert all(pixels.shape == FULL_SHAPE and pixels.dtype == np.uint16 for pixels in found.values())
    assert len({pixels.tobytes() for pixels in found.values()}) == 3


def test_synthetic_images_are_used_without_a_real_exam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAMMO_REAL_EXAM", raising=False)
    found, kind = images(2, SHAPE)
    assert kind == "made"
    assert [pixels.shape for pixels in found.values()] == [SHAPE, SHAPE]
