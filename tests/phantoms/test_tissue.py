import numpy as np
import pytest

from mammo.phantoms.anatomy import draw_shape
from mammo.phantoms.randomness import Key
from mammo.phantoms.tissue import draw_tissue
from mammo.records import Laterality, View

KEY = Key(2, 5, Laterality.RIGHT, View.MLO)


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
