"""Outlines: a mask, polygon or box over a whole image becomes a small mask and its box, both in the stored frame.

Public data sets hold coordinates that leave their image, so everything is clipped to it; what is empty then is refused.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.draw import polygon

from mammo.geometry import Box
from mammo.intake.rejections import Code, RejectedError

Outline = tuple[NDArray[np.bool_], Box]
"""A mask [box.height, box.width] and its half-open box, (row, col)."""

SAME_ASPECT = 0.01
"""Two sizes are of one picture where their aspect ratios differ by at most this share."""


def outline_of_mask(mask: NDArray[np.bool_]) -> Outline:
    """The True pixels of mask [H, W].

    Raises:
        RejectedError: there are none.
    """
    if not mask.any():
        raise RejectedError(Code.OUTLINE_EMPTY)
    box = Box.around(mask)
    return np.ascontiguousarray(mask[box.row0 : box.row1, box.col0 : box.col1]), box


def outline_of_polygon(points: ArrayLike, shape: tuple[int, int]) -> Outline:
    """The pixels of an image of this shape whose centres a polygon encloses; it closes itself.

    Where it encloses no centre, the pixels under its corners stand for it.

    Args:
        points: corners [N, 2] in continuous stored coordinates, (row, col), N at least 3.
        shape: (rows, cols) of the image.

    Raises:
        RejectedError: the points are no polygon, or lie outside of the image.
    """
    corners = np.asarray(points, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[0] < 3 or corners.shape[1] != 2 or not np.isfinite(corners).all():
        raise RejectedError(Code.OUTLINE_BROKEN)
    start = np.floor(np.clip(corners.min(axis=0), 0, shape)).astype(int)
    stop = np.ceil(np.clip(corners.max(axis=0), 0, shape)).astype(int)
    mask = np.zeros(np.maximum(stop - start + 1, 0), dtype=np.bool_)
    rows, cols = (corners - start - 0.5).T  # skimage puts pixel centres on whole numbers
    mask[polygon(rows, cols, shape=mask.shape)] = True  # type: ignore[no-untyped-call]
    if not mask.any():
        under = np.floor(corners).astype(int)
        under = under[((under >= 0) & (under < shape)).all(axis=1)] - start
        mask[under[:, 0], under[:, 1]] = True
    inner, box = outline_of_mask(mask)
    return clipped(inner, box.shifted(int(start[0]), int(start[1])), shape)


def outline_of_box(edges: tuple[float, float, float, float], shape: tuple[int, int]) -> Outline:
    """All pixels of an image of this shape that a box touches; its corners come in any order.

    Args:
        edges: (row0, row1, col0, col1), px, continuous stored coordinates.
        shape: (rows, cols) of the image.

    Raises:
        RejectedError: the box is no box, or lies outside of the image.
    """
    sides = np.sort(np.array(edges, dtype=np.float64).reshape(2, 2), axis=1)
    if not np.isfinite(sides).all():
        raise RejectedError(Code.OUTLINE_BROKEN)
    sides = np.clip(sides, 0, np.array(shape)[:, None])
    start, stop = np.floor(sides[:, 0]).astype(int), np.ceil(sides[:, 1]).astype(int)
    if (stop <= start).any():
        raise RejectedError(Code.OUTLINE_EMPTY)
    box = Box(int(start[0]), int(stop[0]), int(start[1]), int(stop[1]))
    return np.ones((box.height, box.width), dtype=np.bool_), box


def scaled_to(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask of the same picture at another size, by nearest neighbour: [rows, cols] = shape.

    Raises:
        RejectedError: the aspect ratios differ by more than 1 %, so that it is another picture.
    """
    rows, cols = shape[0] / mask.shape[0], shape[1] / mask.shape[1]
    if abs(rows / cols - 1) > SAME_ASPECT:
        raise RejectedError(Code.OUTLINE_SIZE)
    if mask.shape == shape:
        return mask
    return cv2.resize(mask.astype(np.uint8), (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT) > 0


def clipped(mask: NDArray[np.bool_], box: Box, shape: tuple[int, int]) -> Outline:
    """The part of an outline inside an image of this shape.

    Raises:
        RejectedError: there is none.
    """
    row0, row1, col0, col1 = max(box.row0, 0), min(box.row1, shape[0]), max(box.col0, 0), min(box.col1, shape[1])
    if row0 >= row1 or col0 >= col1:
        raise RejectedError(Code.OUTLINE_EMPTY)
    inner, found = outline_of_mask(mask[row0 - box.row0 : row1 - box.row0, col0 - box.col0 : col1 - box.col0])
    return inner, found.shifted(row0, col0)


def union(outlines: Iterable[Outline]) -> Outline:
    """One outline of several parts of a lesion."""
    parts = list(outlines)
    row0, col0 = min(box.row0 for _, box in parts), min(box.col0 for _, box in parts)
    row1, col1 = max(box.row1 for _, box in parts), max(box.col1 for _, box in parts)
    whole = np.zeros((row1 - row0, col1 - col0), dtype=np.bool_)
    for mask, box in parts:
        whole[box.row0 - row0 : box.row1 - row0, box.col0 - col0 : box.col1 - col0] |= mask
    return whole, Box(row0, row1, col0, col1)
