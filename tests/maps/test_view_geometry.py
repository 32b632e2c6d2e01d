"""Arcs hold what is as far from the nipple, and corresponding places are those that the maps of other images read."""

from math import hypot

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.geometry import Frame
from mammo.maps.other_views import contra_maps
from mammo.maps.view_geometry import FULL_PX_MM, Landmarks, arc_of, cell_centers, corresponding
from tests.maps.test_other_views import FRAME, SEEDS, drawn_landmarks

CELLS = st.tuples(st.integers(0, FRAME.grid[0] - 1), st.integers(0, FRAME.grid[1] - 1))


@given(SEEDS, CELLS, st.floats(0.5, 25))
def test_the_arc_holds_what_is_as_far_from_the_nipple_in_mm(
    seed: int, cell: tuple[int, int], tolerance_mm: float
) -> None:
    own, others = drawn_landmarks(seed), drawn_landmarks(seed + 1)
    assert own.nipple
    assert others.nipple
    assert own.px_mm
    assert others.px_mm
    row, col = cell_centers(FRAME)[cell]
    arc = arc_of((row, col), own, others, FRAME, tolerance_mm)
    assert arc is not None
    assert arc.nipple == others.nipple
    wanted = own.px_mm * hypot(row - own.nipple[0], col - own.nipple[1])
    for place in cell_centers(FRAME).reshape(-1, 2):
        away = hypot(place[0] - others.nipple[0], place[1] - others.nipple[1])
        if abs(abs(others.px_mm * away - wanted) - tolerance_mm) > 1e-6:
            assert (arc.near <= away <= arc.far) == (abs(others.px_mm * away - wanted) < tolerance_mm)


def test_an_unknown_spacing_is_the_other_images_or_the_usual_one() -> None:
    full, place = Frame(448, 320, 64), ((200.0, 250.0), (0.0, 0.0), (448.0, 320.0))
    known, unknown, finer = Landmarks(*place, FULL_PX_MM), Landmarks(*place), Landmarks(*place, 2 * FULL_PX_MM)
    at = (90.0, 30.0)
    assert arc_of(at, unknown, unknown, full) == arc_of(at, known, known, full)
    assert arc_of(at, unknown, finer, full) == arc_of(at, finer, finer, full)


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
