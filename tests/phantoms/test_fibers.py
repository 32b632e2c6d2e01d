import numpy as np
import pytest

from mammo.phantoms.anatomy import BreastShape, draw_shape
from mammo.phantoms.canvas import Canvas
from mammo.phantoms.fibers import Fibers, draw_fibers
from mammo.phantoms.randomness import Key
from mammo.phantoms.texture import polar_coordinates, power_law_pair
from mammo.records import Laterality, View

KEYS = [Key(0, p, Laterality.LEFT, View.CC) for p in range(1, 7)]


def web(key: Key) -> tuple[BreastShape, Canvas, Fibers]:
    shape = draw_shape(key)
    canvas = shape.canvas(0.125)
    return shape, canvas, draw_fibers(key, shape, canvas, power_law_pair(key, canvas, 3.0))


def test_lines_are_thin_bright_and_few() -> None:
    for key in KEYS:
        lines = web(key)[2].lines
        assert lines.min() >= 0
        assert 0.15 < np.quantile(lines, 0.98) < 0.6
        assert np.median(lines) < 0.3 * np.quantile(lines, 0.98)


def test_the_web_points_to_the_nipple_only_near_it() -> None:
    """Ratio of the mean squared slope across the direction to the nipple to that along it."""
    near, far = [], []
    for key in KEYS:
        shape, canvas, fibers = web(key)
        angle, radius = polar_coordinates(canvas, shape.nipple_row, shape.depth + 60)
        down, right = np.gradient(fibers.web)
        along = (down * np.sin(angle) - right * np.cos(angle)) ** 2
        across = (down * np.cos(angle) + right * np.sin(angle)) ** 2
        for zone, ratios in (((radius > 150) & (radius < 450), near), (radius > 800, far)):
            ratios.append(across[zone].mean() / along[zone].mean())
    assert np.mean(near) > 1.5
    assert np.mean(far) == pytest.approx(1, abs=0.35)
