"""Outlines that a caller gives, drawn as masks in the frame of the image's file."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.intake.extents import OutlineError, are_beyond, check_inside, check_pixels, edges_of_box, edges_of_corners
from mammo.intake.outlines import check_extent, outline_of_box, outline_of_circle, outline_of_mask, outline_of_polygon
from mammo.intake.rejections import RejectedError
from mammo.records import MammoError


@dataclass(frozen=True)
class Circle:
    """A point with a radius, in pixels of the image's file as a viewer shows it.

    Attributes:
        row: of the center.
        col: of the center.
        radius: px, above 0.
    """

    row: float
    col: float
    radius: float


Outline = Box | Circle | NDArray[np.generic] | Sequence[Sequence[float]]
"""What a lesion is outlined by: a Box, a Circle, a mask bool [H, W] over the whole image, or the corners [N, 2] of a
polygon, (row, col)."""


class Drawn(NamedTuple):
    """An outline as a mask."""

    mask: NDArray[np.bool_]
    """[box.height, box.width] bool, True inside the outline."""
    box: Box
    """Half-open box of the mask, (row, col), stored px."""
    clipped: bool
    """Whether a part of the outline lies beyond the image."""


def whole_box(row0: float, row1: float, col0: float, col1: float) -> Box:
    """The half-open box of the pixels that these edges touch; ValueError or OverflowError where there is none."""
    return Box(floor(row0), ceil(row1), floor(col0), ceil(col1))


def draw(outline: Outline, shape: tuple[int, int]) -> Drawn:
    """Draw an outline as a mask [box.height, box.width] in its box, clipped to the image.

    Args:
        outline: Box, Circle, mask bool [H, W] or polygon [N, 2], in the frame of the image's file.
        shape: (rows, cols) of the image.

    Raises:
        MammoError: the outline is of none of these forms, has the size of another image, is given in fractions of the
            image, lies mostly outside it, or covers no pixel or more than half of it.
    """
    try:
        return draw_or_reject(outline, shape)
    except OutlineError as error:
        raise MammoError(f"outline={_shown(outline)}: {error}") from None
    except RejectedError as error:
        raise MammoError(
            f"outline={_shown(outline)}: {error.code.reason}: give it in pixels (row, col) of the image as a viewer "
            f"shows it, which has {shape[0]} rows and {shape[1]} columns"
        ) from None


def draw_or_reject(outline: Outline, shape: tuple[int, int]) -> Drawn:
    """Draw an outline as `draw` does, for callers with words of their own for what is wrong.

    Raises:
        OutlineError, RejectedError, MammoError: where `draw` raises MammoError.
    """
    drawn = _drawn(outline, shape)
    check_extent(drawn[:2], shape)
    return drawn


def _shown(outline: Outline) -> str:
    return repr(outline) if isinstance(outline, Box | Circle) else f"array of shape {np.shape(outline)}"


def _drawn(outline: Outline, shape: tuple[int, int]) -> Drawn:
    """Draw an outline by the rules of tables: in pixels, and at least half of it in the image."""
    if isinstance(outline, Box):
        edges = edges_of_box(outline)
        check_pixels(edges)
        check_inside(edges, shape)
        return Drawn(*outline_of_box(edges, shape), are_beyond(edges, shape))
    if isinstance(outline, Circle):
        row, col, radius = outline.row, outline.col, outline.radius
        circle = outline_of_circle((row, col), radius, shape)
        check_pixels((row, col, radius))
        edges = (row - radius, row + radius, col - radius, col + radius)
        check_inside(edges, shape)
        return Drawn(*circle, are_beyond(edges, shape))
    return _draw_array(np.asarray(outline), shape)


def _draw_array(array: NDArray[np.generic], shape: tuple[int, int]) -> Drawn:
    if array.dtype == np.bool_ and array.ndim == 2:
        if array.shape != shape:
            raise MammoError(f"outline: the mask has shape {array.shape}, but the image {shape}: give one of its size")
        return Drawn(*outline_of_mask(array.astype(np.bool_, copy=False)), False)
    if array.dtype.kind in "iuf" and array.ndim == 2 and array.shape[0] >= 3 and array.shape[1] == 2:
        points = array.astype(np.float64)
        polygon = outline_of_polygon(points, shape)
        edges = edges_of_corners(points)
        check_inside(edges, shape)
        return Drawn(*polygon, are_beyond(edges, shape))
    raise MammoError(
        f"outline: an array of {array.dtype} with shape {array.shape} is no outline: give mammo.Box(row0, row1, col0, "
        "col1), mammo.Circle(row, col, radius), a mask of bool over the image, or at least 3 corners [N, 2]"
    )
