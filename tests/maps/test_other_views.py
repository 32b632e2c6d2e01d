"""Maps of the other view and the other breast, against the same written cell by cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo.geometry import Frame
from mammo.maps.map_names import CHANNELS
from mammo.maps.other_views import Maps, contra_maps, laid_over, with_presence
from mammo.maps.view_geometry import Landmarks

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


def test_the_other_view_is_laid_over_in_the_same_way() -> None:
    frame = Frame(368, 240, 8)
    other, own, others = drawn_maps(1, frame), drawn_landmarks(2, frame), drawn_landmarks(3, frame)
    expected = contra_by_cell(other, other, own, others, frame)[:2]
    np.testing.assert_allclose(laid_over(other, own, others, frame), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("missing", [(True, False), (False, True)])
def test_without_a_nipple_there_are_no_maps_and_presence_is_zero(missing: tuple[bool, bool]) -> None:
    found, lost = drawn_landmarks(1), Landmarks(None, (0, 0), (56, 40), 0.5)
    own, others = (lost if one else found for one in missing)
    maps = drawn_maps(2)
    made = {"ipsi": laid_over(maps, own, others, FRAME), "contra": contra_maps(maps, maps, own, others, FRAME)}
    for kind, source in made.items():
        assert source is None
        absent = with_presence(source, CHANNELS[kind], FRAME)
        assert absent.shape == (CHANNELS[kind], *FRAME.grid)
        assert not absent.any()


def test_presence_is_one_everywhere_where_maps_are() -> None:
    maps = laid_over(drawn_maps(1), drawn_landmarks(2), drawn_landmarks(3), FRAME)
    assert maps is not None
    present = with_presence(maps, CHANNELS["ipsi"], FRAME)
    np.testing.assert_array_equal(present[:2], maps)
    assert present.shape == (3, *FRAME.grid)
    assert (present[2] == 1).all()
