"""Arcs and corresponding places are those that the maps of other images read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.geometry import Frame
from mammo.maps.other_views import contra_maps, ipsi_maps
from mammo.maps.view_geometry import Landmarks, arc_of, cell_centers, corresponding
from tests.maps.test_other_views import FRAME, SEEDS, drawn_landmarks

CELLS = st.tuples(st.integers(0, FRAME.grid[0] - 1), st.integers(0, FRAME.grid[1] - 1))


@given(SEEDS, CELLS, st.floats(0.5, 25))
def test_the_arc_of_a_cell_holds_the_cells_that_its_map_reads(
    seed: int, cell: tuple[int, int], tolerance_mm: float
) -> None:
    """Each cell of the other view has an S of its own, so that the mean over the arc says which cells are in it."""
    own, others = drawn_landmarks(seed), drawn_landmarks(seed + 1)
    centers = cell_centers(FRAME)
    row, col = centers[cell]
    arc = arc_of((row, col), own, others, FRAME, tolerance_mm)
    assert arc is not None
    assert arc.nipple == others.nipple
    to_nipple = np.linalg.norm(centers - arc.nipple, axis=-1)
    held = (to_nipple >= arc.near) & (to_nipple <= arc.far) & others.in_breast_box(centers)
    for each in np.ndindex(*FRAME.grid):
        lit = np.zeros((2, *FRAME.grid), np.float32)
        lit[0][each] = 1
        maps = ipsi_maps(lit, own, others, FRAME, tolerance_mm)
        assert maps is not None
        assert bool(maps[0][cell]) == bool(held[each])
    assert arc.far - arc.near <= 2 * tolerance_mm / (others.px_mm or 0) + 1e-9


@given(SEEDS)
def test_the_corresponding_place_is_where_the_map_of_the_other_breast_reads(seed: int) -> None:
    """S that rises evenly from row to row, or from column to column, says at which place it was read."""
    own, others = drawn_landmarks(seed), drawn_landmarks(seed + 1)
    centers, size = cell_centers(FRAME), np.array([FRAME.height, FRAME.width])
    places = corresponding(centers, own, others)
    assert places is not None
    rising = np.moveaxis(centers / size, -1, 0).astype(np.float32)
    maps = contra_maps(rising, rising, own, others, FRAME)
    assert maps is not None
    between_centers = ((places >= centers[0, 0]) & (places <= centers[-1, -1])).all(axis=-1)
    read = np.moveaxis(maps[:2], 0, -1) * size
    np.testing.assert_allclose(read[between_centers], places[between_centers], atol=1e-4)


def test_nipple_goes_to_nipple_and_corner_to_corner_of_equally_placed_breasts() -> None:
    own = Landmarks((20, 30), (0, 10), (40, 40), 0.5)
    others = Landmarks((50, 50), (10, 10), (90, 70), 0.5)
    points = np.array([(20.0, 30.0), (0.0, 10.0), (40.0, 40.0), (10.0, 35.0)])
    places = corresponding(points, own, others)
    assert places is not None
    assert places.tolist() == [[50, 50], [10, 10], [90, 70], [30, 60]]


def test_an_arc_has_the_same_distance_in_mm_in_both_views() -> None:
    own = Landmarks((30, 30), (0, 0), (60, 40), 0.5)
    others = Landmarks((20, 35), (0, 0), (60, 40), 0.25)
    arc = arc_of((30, 10), own, others, Frame(56, 40, 8), 2)
    assert arc is not None
    assert (arc.nipple, arc.distance_mm, arc.near, arc.far) == ((20, 35), 10, 32, 48)
    near = arc_of((31, 30), own, others, Frame(56, 40, 8), 2)
    assert near is not None
    assert (near.near, near.far) == (0, 10), "nearer than the tolerance, the band is a disk"


@pytest.mark.parametrize("lost", [0, 1])
def test_without_a_nipple_there_is_neither_arc_nor_place(lost: int) -> None:
    images = [Landmarks((30, 30), (0, 0), (60, 40), 0.5)] * 2
    images[lost] = Landmarks(None, (0, 0), (60, 40), 0.5)
    assert arc_of((30, 10), images[0], images[1], FRAME) is None
    assert corresponding(np.zeros((1, 2)), images[0], images[1]) is None
