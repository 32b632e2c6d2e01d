import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.specks import Specks


def one(scale: float, radius: float = 40.0) -> np.ndarray:
    plane = np.zeros((round(400 * scale), round(400 * scale)), dtype=np.float32)
    canvas = Canvas(scale, 0, *plane.shape)
    values = [np.array([x]) for x in (210.0, 170.0, radius, 2.0, np.pi / 2, 0.5)]
    Specks(*values).draw(canvas, plane)
    return plane


def test_a_speck_is_bright_at_its_centre_and_long_along_its_angle() -> None:
    plane = one(0.25)
    assert np.unravel_index(plane.argmax(), plane.shape) == (52, 42)
    rows, cols = np.nonzero(plane > 0.25)
    assert np.ptp(rows) == pytest.approx(2 * np.ptp(cols), abs=3)


def test_a_speck_holds_as_much_light_at_every_scale() -> None:
    light = [one(scale).sum() / scale**2 for scale in (0.125, 0.25, 0.5)]
    assert np.ptp(light) < 0.02 * np.mean(light)
    assert one(0.125, radius=2).sum() > 0
