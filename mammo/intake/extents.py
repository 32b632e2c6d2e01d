"""Extents of outlines, (row0, row1, col0, col1): checks that they are in pixels of their image and lie in it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.intake.stored_shape import Shape

Edges = tuple[float, float, float, float]
"""Extent of an outline, (row0, row1, col0, col1), stored px."""

WHOLE = 0.9
"""Share of the image from which a box stands for a finding without an outline."""


class OutlineError(Exception):
    """An outline is wrong; the message says why and what to do."""


def check_pixels(numbers: Sequence[float]) -> None:
    """Check that the numbers of an outline are not fractions of its image.

    Raises:
        OutlineError: all of them lie within 0 to 1.
    """
    if max(map(abs, numbers)) <= 1:
        raise OutlineError("are fractions of the image; multiply them by its height and width")


def edges_of_box(box: Box) -> Edges:
    """Return the extent of a box, px."""
    return box.row0, box.row1, box.col0, box.col1


def edges_of_corners(corners: NDArray[np.float64]) -> Edges:
    """Return the extent of a polygon's corners [N, 2] (row, col), px; it is at least 1 px in each direction.

    Raises:
        OutlineError: the corners are fractions of the image.
    """
    check_pixels(corners.ravel().tolist())
    (row0, col0), (row1, col1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return row0, max(row1, row0 + 1), col0, max(col1, col0 + 1)


def are_beyond(edges: Edges, shape: Shape) -> bool:
    """Return whether edges (row0, row1, col0, col1) leave their image of this shape, by more than a pixel."""
    row0, row1, col0, col1 = edges
    return min(row0, col0) < -1 or row1 > shape[0] + 1 or col1 > shape[1] + 1


def check_inside(edges: Edges, shape: Shape) -> None:
    """Check that at least half of a box lies in the image: coordinates of another frame often do not.

    Args:
        edges: (row0, row1, col0, col1), stored px.
        shape: (rows, cols) of the image.

    Raises:
        OutlineError: less than half of it does, or it covers nearly the whole image.
    """
    row0, row1, col0, col1 = map(float, edges)  # products of whole numbers can be too large for one
    inside = (min(row1, shape[0]) - max(row0, 0), min(col1, shape[1]) - max(col0, 0))
    if min(inside) <= 0 or inside[0] * inside[1] < (row1 - row0) * (col1 - col0) / 2:
        raise OutlineError(
            f"covers rows {row0:g} to {row1:g} and columns {col0:g} to {col1:g}, mostly outside its image of "
            f"{shape[0]} rows and {shape[1]} columns: check that x is the column, y the row, and that the sizes are "
            "those of the stored image"
        )
    if inside[0] * inside[1] > WHOLE * shape[0] * shape[1]:
        raise OutlineError("covers the whole image: outline=none says that a finding has no outline")
