"""Polygons of outlines: they enclose the centers of exactly the pixels inside."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, label

from mammo.dicom_out.polygon import MOST_POINTS, ring_around
from mammo.geometry import Box
from mammo.inference.outlines import Drawn
from tests.dicom_out.predictions import asymmetric

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))).filter(np.any)


def drawn(mask: NDArray[np.bool_], row: int = 7, col: int = 3) -> Drawn:
    return Drawn(mask, Box(row, row + mask.shape[0], col, col + mask.shape[1]), False)


def enclosed(points: NDArray[np.float64], outline: Drawn) -> NDArray[np.bool_]:
    """The pixels of an outline's box whose centers a polygon [N, 2] (row, col) encloses."""
    rows, cols = np.mgrid[outline.box.row0 : outline.box.row1, outline.box.col0 : outline.box.col1] + 0.5
    centers = np.stack([rows.ravel(), cols.ravel()], axis=1)
    return Polygon(points).contains_points(centers).reshape(rows.shape)


@given(MASKS)
def test_the_polygon_encloses_the_centers_of_the_largest_part(mask: NDArray[np.bool_]) -> None:
    parts, n_parts = label(mask)
    sizes = np.bincount(parts.ravel())[1:]
    outline = drawn(mask)
    ring = ring_around(outline)
    found = enclosed(ring.points, outline)
    fill = [binary_fill_holes(parts == number, np.ones((3, 3))) for number in range(1, n_parts + 1)]
    largest = [fill[index] for index in np.flatnonzero(sizes == sizes.max())]
    assert (ring.points[0] == ring.points[-1]).all()
    assert any((found | part == found).all() and (found & ~binary_fill_holes(part) == 0).all() for part in largest)
    if ring.exact:
        assert np.array_equal(found, mask)
    if n_parts == 1 and np.array_equal(fill[0], binary_fill_holes(mask)) and np.array_equal(fill[0], mask):
        assert ring.exact


def test_an_asymmetric_outline_keeps_its_orientation_and_place() -> None:
    outline = drawn(asymmetric(), 40, 25)
    ring = ring_around(outline)
    assert ring.exact
    assert np.array_equal(enclosed(ring.points, outline), asymmetric())
    assert len(ring.points) < 20  # corners only


@pytest.mark.parametrize("hole", [True, False])
def test_holes_and_further_parts_are_left_out_and_said(hole: bool) -> None:
    mask = np.ones((9, 9), dtype=np.bool_)
    mask[(slice(3, 5), slice(3, 5)) if hole else (slice(None), 6)] = False
    ring = ring_around(drawn(mask))
    assert not ring.exact
    assert enclosed(ring.points, drawn(mask)).sum() == (81 if hole else 54)


def test_a_long_outline_has_points_that_fit_into_an_object() -> None:
    mask = np.zeros((700, 700), dtype=np.bool_)
    mask[:, ::2] = True
    mask[0] = True
    outline = drawn(mask)
    ring = ring_around(outline)
    assert len(ring.points) <= MOST_POINTS
    jagged = np.random.default_rng(0).random((500, 500)) < 0.7
    ring = ring_around(drawn(jagged))
    assert len(ring.points) <= MOST_POINTS
    assert not ring.exact
    assert (ring.points >= (7, 3)).all()
    assert (ring.points <= (507, 503)).all()
