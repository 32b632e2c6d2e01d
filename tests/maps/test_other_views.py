"""Maps of the other view and the other breast, against the same written cell by cell."""

from math import hypot

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo.geometry import Frame
from mammo.maps.other_views import Maps, contra_maps, ipsi_maps, with_presence
from mammo.maps.view_geometry import FULL_PX_MM, TOLERANCE_MM, Landmarks

FRAME = Frame(56, 40, 8)
SEEDS = st.integers(0, 2**32 - 1)


def drawn_maps(seed: int, frame: Frame = FRAME) -> Maps:
    return np.random.default_rng(seed).random((2, *frame.grid), dtype=np.float32)


def drawn_landmarks(seed: int, frame: Frame = FRAME) -> Landmarks:
    rng = np.random.default_rng(seed)
    size = np.array([frame.height, frame.width])
    corners = rng.uniform(-0.2, 0.3, 2) * size, rng.uniform(0.7, 1.3, 2) * size
    nipple = rng.uniform(0.1, 1.1, 2) * size
    as_pairs = [(float(row), float(col)) for row, col in (nipple, *corners)]
    return Landmarks(as_pairs[0], as_pairs[1], as_pairs[2], float(rng.uniform(0.3, 1.0)))


def arc_by_cell(other: Maps, own: Landmarks, others: Landmarks, frame: Frame, tolerance_mm: float) -> Maps:
    """The ipsi maps, cell by cell."""
    assert own.nipple
    assert others.nipple
    assert own.px_mm
    assert others.px_mm
    out = np.zeros((4, *frame.grid), np.float32)
    rows, cols = ((np.indices(frame.grid)[axis] + 0.5) * frame.cell_px for axis in (0, 1))
    inside = (rows >= others.top_left[0]) & (rows < others.bottom_right[0])
    inside &= (cols >= others.top_left[1]) & (cols < others.bottom_right[1])
    away = others.px_mm * np.sqrt((rows - others.nipple[0]) ** 2 + (cols - others.nipple[1]) ** 2)
    for cell in np.ndindex(*frame.grid):
        row, col = ((n + 0.5) * frame.cell_px for n in cell)
        distance = own.px_mm * hypot(row - own.nipple[0], col - own.nipple[1])
        arc = inside & (np.abs(away - distance) <= tolerance_mm)
        for number in (0, 1):
            values = [float(value) for value in other[number][arc]]
            out[(2 * number, *cell)] = max(values, default=0)
            out[(2 * number + 1, *cell)] = sum(values) / max(len(values), 1)
    return out


def value_at(plane: Maps, row: float, col: float) -> float:
    """A plane [rows, cols] at a place, cells: bilinear between centers, constant at the rim, 0 outside the grid."""
    rows, cols = plane.shape
    if not (0 <= row < rows and 0 <= col < cols):
        return 0.0
    total = 0.0
    for (i, j), value in np.ndenumerate(np.pad(plane, 1, mode="edge")):
        total += value * max(0.0, 1 - abs(row - (i - 0.5))) * max(0.0, 1 - abs(col - (j - 0.5)))
    return total


def contra_by_cell(own_maps: Maps, other: Maps, own: Landmarks, others: Landmarks, frame: Frame) -> Maps:
    """The contra maps, cell by cell."""
    assert own.nipple
    assert others.nipple
    there = np.zeros_like(other)
    for number, row, col in np.ndindex(*other.shape):
        place = []
        for axis, cell in enumerate((row, col)):
            own_size = own.bottom_right[axis] - own.top_left[axis]
            other_size = others.bottom_right[axis] - others.top_left[axis]
            offset = ((cell + 0.5) * frame.cell_px - own.nipple[axis]) / own_size
            place.append((others.nipple[axis] + offset * other_size) / frame.cell_px)
        there[number, row, col] = value_at(other[number], *place)
    return np.concatenate([there, own_maps - there])


@settings(deadline=None, max_examples=25)
@given(SEEDS, st.floats(0.5, 25))
def test_arcs_equal_those_found_cell_by_cell(seed: int, tolerance_mm: float) -> None:
    other, own, others = drawn_maps(seed), drawn_landmarks(seed + 1), drawn_landmarks(seed + 2)
    maps = ipsi_maps(other, own, others, FRAME, tolerance_mm)
    np.testing.assert_allclose(maps, arc_by_cell(other, own, others, FRAME, tolerance_mm), atol=1e-6, rtol=0)


def test_arcs_on_the_papers_grid_equal_those_found_cell_by_cell() -> None:
    frame = Frame(368, 240, 8)
    other, own, others = drawn_maps(1, frame), drawn_landmarks(2, frame), drawn_landmarks(3, frame)
    maps = ipsi_maps(other, own, others, frame)
    expected = arc_by_cell(other, own, others, frame, TOLERANCE_MM)
    np.testing.assert_allclose(maps, expected, atol=1e-6, rtol=0)


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_the_other_breast_equals_that_sampled_cell_by_cell(seed: int) -> None:
    own_maps, other = drawn_maps(seed), drawn_maps(seed + 1)
    own, others = drawn_landmarks(seed + 2), drawn_landmarks(seed + 3)
    maps = contra_maps(own_maps, other, own, others, FRAME)
    np.testing.assert_allclose(maps, contra_by_cell(own_maps, other, own, others, FRAME), atol=1e-6, rtol=0)


@given(SEEDS)
def test_equal_breasts_map_onto_themselves(seed: int) -> None:
    own_maps, own = drawn_maps(seed), drawn_landmarks(seed + 1)
    maps = contra_maps(own_maps, own_maps, own, own, FRAME)
    assert maps is not None
    np.testing.assert_allclose(maps[:2], own_maps, atol=1e-6, rtol=0)
    np.testing.assert_allclose(maps[2:], 0, atol=1e-6, rtol=0)


@given(SEEDS, st.floats(0.3, 3))
def test_arcs_are_the_same_in_pixels_of_any_size(seed: int, factor: float) -> None:
    """Another view of half the pixels, each twice as large, has the same arcs: distances are in mm."""
    own = drawn_landmarks(seed)
    assert own.nipple
    frame, larger = Frame(56, 40, 8), Frame(112, 80, 16)
    doubled = [(2 * row, 2 * col) for row, col in (own.nipple, own.top_left, own.bottom_right)]
    there = Landmarks(doubled[0], doubled[1], doubled[2], own.px_mm / 2 if own.px_mm else None)
    other, tolerance_mm = drawn_maps(seed, frame), 5 * factor
    np.testing.assert_allclose(
        ipsi_maps(other, own, own, frame, tolerance_mm), ipsi_maps(other, there, there, larger, tolerance_mm), atol=1e-6
    )


def test_a_lesion_shows_along_the_whole_arc_and_only_there() -> None:
    frame, nipple = Frame(368, 240, 8), (180.0, 200.0)
    image = Landmarks(nipple, (0, 0), (368, 240), 0.56)
    other = np.zeros((2, *frame.grid), np.float32)
    other[0, 10, 15] = 0.9
    maps = ipsi_maps(other, image, image, frame)
    assert maps is not None
    rows, cols = np.indices(frame.grid)
    distance = np.hypot(rows * 8 + 4 - nipple[0], cols * 8 + 4 - nipple[1]) * 0.56
    on_arc = np.abs(distance - distance[10, 15]) <= TOLERANCE_MM
    np.testing.assert_array_equal(maps[0], np.where(on_arc, np.float32(0.9), 0))
    assert ((maps[1] > 0) == on_arc).all()
    assert not maps[2:].any()


def test_an_unknown_spacing_is_the_other_images_or_the_usual_one() -> None:
    other, full = drawn_maps(1), Frame(448, 320, 64)
    place = ((200.0, 250.0), (0.0, 0.0), (448.0, 320.0))
    known, unknown = Landmarks(*place, FULL_PX_MM), Landmarks(*place)
    finer = Landmarks(*place, 2 * FULL_PX_MM)
    np.testing.assert_array_equal(ipsi_maps(other, unknown, unknown, full), ipsi_maps(other, known, known, full))
    np.testing.assert_array_equal(ipsi_maps(other, unknown, finer, full), ipsi_maps(other, finer, finer, full))


@pytest.mark.parametrize("missing", [(True, False), (False, True)])
def test_without_a_nipple_there_are_no_maps_and_presence_is_zero(missing: tuple[bool, bool]) -> None:
    found, lost = drawn_landmarks(1), Landmarks(None, (0, 0), (56, 40), 0.5)
    own, others = (lost if one else found for one in missing)
    maps = drawn_maps(2)
    for source in (ipsi_maps(maps, own, others, FRAME), contra_maps(maps, maps, own, others, FRAME)):
        assert source is None
        assert not with_presence(source, FRAME).any()


def test_presence_is_one_everywhere_where_maps_are() -> None:
    maps = ipsi_maps(drawn_maps(1), drawn_landmarks(2), drawn_landmarks(3), FRAME)
    assert maps is not None
    present = with_presence(maps, FRAME)
    np.testing.assert_array_equal(present[:4], maps)
    assert present.shape == (5, *FRAME.grid)
    assert (present[4] == 1).all()
