import numpy as np
import pytest

from mammo.phantoms.anatomy import BreastShape, draw_shape
from mammo.phantoms.canvas import Canvas
from mammo.phantoms.spec import Key
from mammo.phantoms.texture import polar_coordinates, power_law_pair
from mammo.phantoms.tissue import Fibers, draw_fibers, draw_tissue
from mammo.records import Laterality, View

KEY = Key(2, 5, Laterality.RIGHT, View.MLO)

KEYS = [Key(0, p, Laterality.LEFT, View.CC) for p in range(1, 7)]


def test_denser_breasts_are_brighter() -> None:
    shape = draw_shape(KEY)
    means = [draw_tissue(KEY, shape, density, 0.125).brightness.mean() for density in range(4)]
    assert np.all(np.diff(means) > 0.01)


def test_everything_outside_the_skin_is_dark() -> None:
    tissue = draw_tissue(KEY, draw_shape(KEY), 1, 0.125)
    outside = tissue.skin_depth == 0
    assert outside.any()
    assert (tissue.falloff[outside] == 0).all()
    assert (tissue.falloff[tissue.skin_depth > 28] > 0.7).all()


@pytest.mark.parametrize("view", View)
def test_a_full_size_breast_is_an_enlarged_half_size_breast(view: View) -> None:
    key = Key(2, 5, Laterality.LEFT, view)
    shape = draw_shape(key)
    full, half = (draw_tissue(key, shape, 2, scale).brightness for scale in (1.0, 0.5))
    rows, cols = min(full.shape[0] // 2, half.shape[0]), min(full.shape[1] // 2, half.shape[1])
    halved = full[: 2 * rows, : 2 * cols].reshape(rows, 2, cols, 2).mean(axis=(1, 3))
    assert np.abs(halved - half[:rows, :cols]).mean() < 0.01


def test_the_muscle_lies_in_its_corner_with_a_soft_edge() -> None:
    brightness = []
    for patient in range(1, 13):
        key = Key(2, patient, Laterality.LEFT, View.MLO)
        shape = draw_shape(key)
        tissue = draw_tissue(key, shape, 0, 0.125)
        depth = shape.pectoral_depth(tissue.canvas.rows, tissue.canvas.cols)
        zones = ((depth > 120), (np.abs(depth) < 20), (depth < -60) & (depth > -120) & (tissue.skin_depth > 120))
        brightness.append([tissue.brightness[zone & (tissue.skin_depth > 0)].mean() for zone in zones])
    inside, edge, before = np.mean(brightness, axis=0)
    assert inside > before + 0.1
    assert before + 0.02 < edge < inside - 0.02


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
