import numpy as np

from mammo.phantoms.anatomy import draw_shape
from mammo.phantoms.randomness import Key
from mammo.phantoms.tissue import draw_tissue
from mammo.records import Laterality, View

KEY = Key(2, 5, Laterality.RIGHT, View.MLO)


def test_denser_breasts_are_brighter() -> None:
    shape = draw_shape(KEY)
    means = [draw_tissue(KEY, shape, density, 0.125).value.mean() for density in range(4)]
    assert np.all(np.diff(means) > 0.01)


def test_nothing_is_lit_outside_the_skin() -> None:
    tissue = draw_tissue(KEY, draw_shape(KEY), 1, 0.125)
    outside = tissue.skin_depth == 0
    assert outside.any()
    assert (tissue.falloff[outside] == 0).all()
    assert (tissue.falloff[~outside] > 0.5).all()
