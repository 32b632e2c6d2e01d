"""Lesion outlines: masks, polygons and boxes over a whole image, reduced to a small mask and its box, stored frame.

Public data sets contain coordinates outside their image. Outlines are clipped to the image and rejected if empty then.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.draw import polygon

from mammo.geometry import Box
from mammo.intake.rejections import Code, RejectedError

Outline = tuple[NDArray[np.bool_], Box]
"""A mask [box.height, box.width] bool and its half-open box, (row, col), stored px."""

SAME_ASPECT = 0.01
"""Two sizes belong to the same image if their aspect ratios differ by at most this share."""

MOST = 0.5
"""Share of its image that a lesion's outline may cover."""


FARTHEST = 1e9
"""Coordinates beyond it, px, are those of no image, and too large to be squared."""


def _are_places(values: ArrayLike) -> bool:
    """Whether all values can be coordinates of an outline; NaN cannot."""
    return bool((np.abs(np.asarray(values, dtype=np.float64)) <= FARTHEST).all())


def check_extent(outline: Outline, shape: tuple[int, int]) -> None:
    """Check that an outline can be that of a lesion.

    Args:
        outline: a mask [box.height, box.width] and its box, stored px.
        shape: (rows, cols) of the image.

    Raises:
        RejectedError: it covers more than half of the image.
    """
    if np.count_nonzero(outline[0]) > MOST * shape[0] * shape[1]:
        raise RejectedError(Code.OUTLINE_WHOLE)


def outline_of_mask(mask: NDArray[np.bool_]) -> Outline:
    """Return the outline of a mask's True pixels.

    Args:
        mask: [H, W] bool, over the whole image, stored frame.

    Raises:
        RejectedError: no pixel is True.
    """
    if not mask.any():
        raise RejectedError(Code.OUTLINE_EMPTY)
    box = Box.around(mask)
    return np.ascontiguousarray(mask[box.row0 : box.row1, box.col0 : box.col1]), box


def outline_of_polygon(points: ArrayLike, shape: tuple[int, int]) -> Outline:
    """Return the outline of the pixels whose centers a polygon encloses; its last corner is joined to the first.

    If it encloses no center, the pixels under its corners are taken instead.

    Args:
        points: corners [N, 2], (row, col), continuous stored coordinates, px, N at least 3.
        shape: (rows, cols) of the image.

    Raises:
        RejectedError: the points do not form a polygon, are all the same, or lie outside the image.
    """
    corners = np.asarray(points, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[0] < 3 or corners.shape[1] != 2 or not _are_places(corners):
        raise RejectedError(Code.OUTLINE_BROKEN)
    if (corners == corners[0]).all():  # a point, which leaves the extent of the lesion unknown
        raise RejectedError(Code.OUTLINE_EMPTY)
    start = np.floor(np.clip(corners.min(axis=0), 0, shape)).astype(int)
    stop = np.ceil(np.clip(corners.max(axis=0), 0, shape)).astype(int)
    mask = np.zeros(np.maximum(stop - start + 1, 0), dtype=np.bool_)
    rows, cols = (corners - start - 0.5).T  # skimage has pixel centers at integers
    mask[polygon(rows, cols, shape=mask.shape)] = True  # type: ignore[no-untyped-call]
    if not mask.any():
        under = np.floor(corners).astype(int)
        under = under[((under >= 0) & (under < shape)).all(axis=1)] - start
        mask[under[:, 0], under[:, 1]] = True
    inner, box = outline_of_mask(mask)
    return clipped(inner, box.shifted(int(start[0]), int(start[1])), shape)


def outline_of_box(edges: tuple[float, float, float, float], shape: tuple[int, int]) -> Outline:
    """Return the outline of all pixels that a box touches; its corners can be in any order.

    Args:
        edges: (row0, row1, col0, col1), px, continuous stored coordinates.
        shape: (rows, cols) of the image.

    Returns:
        A mask [box.height, box.width] of True and its box, (row, col), stored px.

    Raises:
        RejectedError: an edge is not finite or beyond FARTHEST, the box has no size, or it lies outside the image.
    """
    sides = np.sort(np.array(edges, dtype=np.float64).reshape(2, 2), axis=1)
    if not _are_places(sides):
        raise RejectedError(Code.OUTLINE_BROKEN)
    if (sides[:, 1] == sides[:, 0]).any():  # a point or a line, which leaves the extent of the lesion unknown
        raise RejectedError(Code.OUTLINE_EMPTY)
    sides = np.clip(sides, 0, np.array(shape)[:, None])
    start, stop = np.floor(sides[:, 0]).astype(int), np.ceil(sides[:, 1]).astype(int)
    if (stop <= start).any():
        raise RejectedError(Code.OUTLINE_EMPTY)
    box = Box(int(start[0]), int(stop[0]), int(start[1]), int(stop[1]))
    return np.ones((box.height, box.width), dtype=np.bool_), box


def outline_of_circle(center: tuple[float, float], radius: float, shape: tuple[int, int]) -> Outline:
    """Return the outline of the pixels whose centers lie in a circle, clipped to the image.

    If the circle holds no center, the pixel under its own center is taken instead.

    Args:
        center: (row, col), continuous stored coordinates, px.
        radius: px.
        shape: (rows, cols) of the image.

    Returns:
        A mask [box.height, box.width] bool and its box, (row, col), stored px.

    Raises:
        RejectedError: a number is not finite or beyond FARTHEST, the radius is not above 0, or no pixel of the image is
            inside.
    """
    if not _are_places([*center, radius]) or radius <= 0:
        raise RejectedError(Code.OUTLINE_BROKEN)
    start, stop = (
        np.floor(np.clip(np.array(center) + reach, 0, np.array(shape) - 1)).astype(int) for reach in (-radius, radius)
    )
    rows, cols = (np.arange(start[axis], stop[axis] + 1) + 0.5 - center[axis] for axis in (0, 1))
    mask = np.asarray(rows[:, None] ** 2 + cols**2 <= radius**2)
    under = np.floor(center).astype(int)
    if not mask.any() and ((start <= under) & (under <= stop)).all():
        mask[tuple(under - start)] = True
    inner, box = outline_of_mask(mask)
    return inner, box.shifted(int(start[0]), int(start[1]))


def scaled_to(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask of the same image at another size, by nearest neighbor.

    Args:
        mask: [H, W] bool.
        shape: (rows, cols) of the result.

    Returns:
        [rows, cols] bool = shape.

    Raises:
        RejectedError: the aspect ratios differ by more than 1 %, so that it belongs to another image.
    """
    rows, cols = shape[0] / mask.shape[0], shape[1] / mask.shape[1]
    if abs(rows / cols - 1) > SAME_ASPECT:
        raise RejectedError(Code.OUTLINE_SIZE)
    if mask.shape == shape:
        return mask
    return cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT) > 0


def clipped(mask: NDArray[np.bool_], box: Box, shape: tuple[int, int]) -> Outline:
    """Return the part of an outline inside an image.

    Args:
        mask: [box.height, box.width] bool.
        box: half-open box of the mask, stored px; it can extend beyond the image.
        shape: (rows, cols) of the image.

    Raises:
        RejectedError: no pixel of the outline is inside.
    """
    row0, row1, col0, col1 = max(box.row0, 0), min(box.row1, shape[0]), max(box.col0, 0), min(box.col1, shape[1])
    if row0 >= row1 or col0 >= col1:
        raise RejectedError(Code.OUTLINE_EMPTY)
    inner, found = outline_of_mask(mask[row0 - box.row0 : row1 - box.row0, col0 - box.col0 : col1 - box.col0])
    return inner, found.shifted(row0, col0)


def union(outlines: Iterable[Outline]) -> Outline:
    """Return one outline of all parts of a lesion: a mask [box.height, box.width] and its box, stored px."""
    parts = list(outlines)
    row0, col0 = min(box.row0 for _, box in parts), min(box.col0 for _, box in parts)
    row1, col1 = max(box.row1 for _, box in parts), max(box.col1 for _, box in parts)
    whole = np.zeros((row1 - row0, col1 - col0), dtype=np.bool_)
    for mask, box in parts:
        whole[box.row0 - row0 : box.row1 - row0, box.col0 - col0 : box.col1 - col0] |= mask
    return whole, Box(row0, row1, col0, col1)
