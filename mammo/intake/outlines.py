"""Outlines: a polygon or a mask of the whole image becomes a small mask and its box, both in the stored frame."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

from mammo.geometry import Box
from mammo.intake.rasters import read_mask
from mammo.intake.refusals import RefusedError

Outline = tuple[NDArray[np.bool_], Box]
"""A mask [box.height, box.width] and its half-open box, (row, col)."""


def outline_of_mask(mask: NDArray[np.bool_]) -> Outline:
    """The True pixels of mask [H, W]; ValueError if there are none."""
    box = Box.around(mask)
    return np.ascontiguousarray(mask[box.row0 : box.row1, box.col0 : box.col1]), box


def outline_of_file(path: Path, shape: tuple[int, int] | None) -> Outline:
    """A PNG mask, nonzero inside, of the stored image's shape (not checked where None).

    Raises:
        ValueError: the file cannot be read, is of another size, or is empty.
    """
    try:
        mask = read_mask(path)
    except RefusedError as error:
        raise ValueError(f"the mask cannot be read: {error.sentence}") from None
    if shape is not None and mask.shape != shape:
        raise ValueError(f"the mask is {mask.shape[0]} x {mask.shape[1]}, but its image is {shape[0]} x {shape[1]}")
    return outline_of_mask(mask)


def outline_of_polygon(text: str, shape: tuple[int, int] | None) -> Outline:
    """A polygon "row,col;row,col;..." in continuous stored coordinates: the pixels whose centres it encloses.

    Raises:
        ValueError: the text is no polygon, it encloses no pixel centre, or it leaves the image of this shape.
    """
    try:
        points = np.array([[float(number) for number in point.split(",")] for point in text.split(";")])
    except ValueError:
        points = np.empty(0)
    if points.ndim != 2 or points.shape[0] < 3 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise ValueError("the outline is not three or more points row,col;row,col;...")
    if points.min() < 0 or (shape is not None and (points > shape).any()):
        raise ValueError("the outline leaves its image")
    start = np.floor(points.min(axis=0)).astype(int)
    mask = np.zeros(np.ceil(points.max(axis=0)).astype(int) - start + 1, dtype=np.bool_)
    rows, cols = (points - start - 0.5).T  # skimage puts pixel centres on whole numbers
    mask[polygon(rows, cols, shape=mask.shape)] = True  # type: ignore[no-untyped-call]
    inner, box = outline_of_mask(mask)
    return inner, box.shifted(int(start[0]), int(start[1]))


def clipped(mask: NDArray[np.bool_], box: Box, shape: tuple[int, int]) -> Outline:
    """The part of an outline inside an image of this shape; ValueError if there is none."""
    whole = np.zeros(shape, dtype=np.bool_)
    row0, row1, col0, col1 = max(box.row0, 0), min(box.row1, shape[0]), max(box.col0, 0), min(box.col1, shape[1])
    if row0 < row1 and col0 < col1:
        whole[row0:row1, col0:col1] = mask[row0 - box.row0 : row1 - box.row0, col0 - box.col0 : col1 - box.col0]
    return outline_of_mask(whole)
