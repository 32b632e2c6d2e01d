"""Changed outlines against brute force: areas, distances, shifts and the image's edge."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammo.geometry import Box
from mammo.inference.outline_changes import CHANGES, changed_outlines, resized
from mammo.inference.outlines import Drawn


def whole(outline: Drawn | None, shape: tuple[int, int]) -> np.ndarray:
    """An outline over its whole image."""
    assert outline is not None
    found = np.zeros(shape, dtype=np.bool_)
    box = outline.box
    found[box.row0 : box.row1, box.col0 : box.col1] = outline.mask
    return found


@given(arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))), st.sampled_from([0.5, 0.8, 1.2, 2.0]))
def test_area_is_exact_and_nearest_pixels_come_first(mask: np.ndarray, area: float) -> None:
    if not mask.any():
        return
    inner = Box.around(mask)
    mask = mask[inner.row0 : inner.row1, inner.col0 : inner.col1]
    box = Box(20, 20 + mask.shape[0], 20, 20 + mask.shape[1])
    out, place = resized(mask, box, area)
    assert out.sum() == max(1, round(area * mask.sum()))
    before, after = np.zeros((60, 60), bool), np.zeros((60, 60), bool)
    before[box.row0 : box.row1, box.col0 : box.col1] = mask
    after[place.row0 : place.row1, place.col0 : place.col1] = out
    if area > 1:
        assert (after | ~before).all(), "what was inside stays inside"
        inside = np.argwhere(before)
        distance = {tuple(p): np.hypot(*(inside - p).T).min() for p in np.argwhere(~before)}
        added = [distance[tuple(p)] for p in np.argwhere(after & ~before)]
        left = [value for p, value in distance.items() if not after[p]]
        assert not added or max(added) <= min(left) + 1e-9
    else:
        assert (before | ~after).all(), "nothing is added"


def test_a_shift_has_its_length_in_mm_and_its_direction() -> None:
    mask, box, shape = np.ones((4, 6), bool), Box(50, 54, 40, 46), (200, 100)
    found = changed_outlines(Drawn(mask, box, False), shape, 0.5)
    assert list(found) == list(CHANGES)
    assert found["down_2_mm"] is not None
    assert found["down_2_mm"].box == Box(54, 58, 40, 46)
    assert found["left_5_mm"] is not None
    assert found["left_5_mm"].box == Box(50, 54, 30, 36)
    for name in ("grown_20_percent", "shrunk_20_percent"):
        assert whole(found[name], shape).sum() == round(24 * (1.2 if "grown" in name else 0.8))


def test_the_edge_of_the_image_clips_and_an_unknown_spacing_shifts_nothing() -> None:
    mask, shape = np.ones((10, 10), bool), (100, 100)
    found = changed_outlines(Drawn(mask, Box(0, 10, 0, 10), False), shape, 0.5)
    assert found["up_2_mm"] is not None
    assert (found["up_2_mm"].box, found["up_2_mm"].clipped) == (Box(0, 6, 0, 10), True)
    assert found["up_5_mm"] is None, "wholly outside"
    unknown = changed_outlines(Drawn(mask, Box(0, 10, 0, 10), False), shape, 0.0)
    assert {name for name, one in unknown.items() if one is None} == {name for name in CHANGES if name.endswith("mm")}


@pytest.mark.parametrize("area", [0.8, 1.2])
def test_a_single_pixel_stays(area: float) -> None:
    out, place = resized(np.ones((1, 1), bool), Box(3, 4, 5, 6), area)
    assert out.sum() == 1
    assert place == Box(3, 4, 5, 6)
