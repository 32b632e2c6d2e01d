import numpy as np
import pytest

from mammo.phantoms.anatomy import CELL_PX, draw_shape
from mammo.phantoms.placement import GAP_PX, MAX_SPREAD_PX, OUTLINE_REACH, place_lesions
from mammo.phantoms.randomness import Key
from mammo.records import Laterality, View

KEYS = [Key(0, p, Laterality.LEFT, view) for p in range(1, 26) for view in View]
RADII = np.array([150.0, 110.0, 90.0])


@pytest.mark.parametrize("key", KEYS[:6])
def test_sites_are_a_pure_function_of_the_generator(key: Key) -> None:
    shape = draw_shape(key)
    assert place_lesions(np.random.default_rng(1), shape, RADII) == place_lesions(
        np.random.default_rng(1), shape, RADII
    )


def test_sites_lie_in_tissue_off_skin_and_muscle() -> None:
    for key in KEYS:
        shape = draw_shape(key)
        for site in place_lesions(np.random.default_rng(key.patient), shape, RADII):
            reach = OUTLINE_REACH * site.radius
            assert site.col > reach
            assert shape.skin_depth[int(site.row / CELL_PX), int(site.col / CELL_PX)] > reach
            assert shape.pectoral_depth(np.float32([[site.row]]), np.float32([[site.col]])).item() < -reach


def test_sites_are_apart_but_near_each_other() -> None:
    for key in KEYS:
        sites = place_lesions(np.random.default_rng(key.patient), draw_shape(key), RADII)
        assert sites
        for i, a in enumerate(sites):
            for b in sites[:i]:
                apart = np.hypot(a.row - b.row, a.col - b.col)
                assert OUTLINE_REACH * (a.radius + b.radius) + GAP_PX / 2 < apart < MAX_SPREAD_PX + 60
