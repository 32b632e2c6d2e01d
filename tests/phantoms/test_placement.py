import numpy as np
import pytest

from mammo.phantoms.anatomy import CELL_PX, BreastShape, draw_shape
from mammo.phantoms.placement import (
    GAP_PX,
    MAX_SPREAD_PX,
    NIPPLE_ERROR_PX,
    OUTLINE_REACH,
    STRIDE,
    Site,
    place_again,
    place_lesions,
)
from mammo.phantoms.spec import Key
from mammo.records import Laterality, View

KEYS = [Key(0, p, Laterality.LEFT, view) for p in range(1, 26) for view in View]
SHAPES = [draw_shape(key) for key in KEYS]
RADII = np.array([150.0, 110.0, 90.0])

Pair = tuple[BreastShape, list[Site], BreastShape, list[Site | None]]


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    """CC shape, sites there, MLO shape and sites there, of 25 breasts."""
    found: list[Pair] = []
    for number, (cc, mlo) in enumerate(zip(SHAPES[::2], SHAPES[1::2], strict=True)):
        rng = np.random.default_rng(number)
        sites = place_lesions(rng, cc, RADII)
        found.append((cc, sites, mlo, place_again(rng, sites, cc, mlo)))
    return found


@pytest.mark.parametrize("shape", SHAPES[:6])
def test_sites_are_a_pure_function_of_the_generator(shape: BreastShape) -> None:
    first, second = (place_lesions(np.random.default_rng(1), shape, RADII) for _ in range(2))
    assert first == second


def check_in_tissue(shape: BreastShape, sites: list[Site]) -> None:
    for site in sites:
        reach = OUTLINE_REACH * site.radius
        assert site.col > reach
        assert shape.skin_depth[int(site.row / CELL_PX), int(site.col / CELL_PX)] > reach
        assert shape.pectoral_depth(np.float32([[site.row]]), np.float32([[site.col]])).item() < -reach


def check_apart(sites: list[Site]) -> None:
    for i, a in enumerate(sites):
        for b in sites[:i]:
            apart = np.hypot(a.row - b.row, a.col - b.col)
            assert OUTLINE_REACH * (a.radius + b.radius) + GAP_PX / 2 < apart < MAX_SPREAD_PX + 60


def test_sites_lie_in_tissue_off_skin_and_muscle_and_apart_but_near_each_other() -> None:
    for key, shape in zip(KEYS, SHAPES, strict=True):
        sites = place_lesions(np.random.default_rng(key.patient), shape, RADII)
        assert sites
        check_in_tissue(shape, sites)
        check_apart(sites)


def test_so_do_sites_in_the_other_view_with_the_same_radii(pairs: list[Pair]) -> None:
    for _, sites, mlo, others in pairs:
        placed = [other for other in others if other]
        check_in_tissue(mlo, placed)
        check_apart(placed)
        assert all(one.radius == other.radius for one, other in zip(sites, others, strict=True) if other)
    assert np.mean([other is not None for *_, others in pairs for other in others]) > 0.85


def nipple_distance(shape: BreastShape, site: Site) -> float:
    """Distance of a site to the tip of the nipple, found on the outline of the breast, full-size px."""
    edge = shape.edge(np.arange(0, 3328, dtype=np.float32))
    return float(np.hypot(site.row - shape.nipple_row, site.col - edge[round(shape.nipple_row)]))


def test_the_distance_to_the_nipple_is_nearly_the_same_in_both_views(pairs: list[Pair]) -> None:
    errors = [
        nipple_distance(mlo, other) - nipple_distance(cc, site)
        for cc, sites, mlo, others in pairs
        for site, other in zip(sites, others, strict=True)
        if other
    ]
    assert np.abs(errors).max() < 2 * NIPPLE_ERROR_PX + 1.3 * STRIDE * CELL_PX
    assert np.std(errors) == pytest.approx(NIPPLE_ERROR_PX, rel=0.3)
    assert abs(np.mean(errors)) < 3 * NIPPLE_ERROR_PX / np.sqrt(len(errors))
