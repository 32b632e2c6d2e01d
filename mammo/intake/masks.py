"""Mask files drawn by hand or by a program: which pixels are inside, by their values, as a person would mean them.

The background is 0, black or transparent. A palette's index counts, not its color. Blurred edges, from scaling or JPEG,
are cut at half of the value inside. A mask with several values inside is rejected unless one is chosen, because they
can be several lesions.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mammo.intake.outlines import MOST, Outline, outline_of_mask
from mammo.intake.rasters import raster_shape, raster_values
from mammo.text import percent

FEW = 8
"""Up to this number of values above 0, each value with an area of its own is a label; more come from blur or JPEG."""

SMALLEST_RANGE = 64
"""Blurred values are distinguished from labels only where the largest value is at least this."""

OPAQUE = 128
"""Alpha from which a pixel is drawn, and the difference of two colors, of 255."""

SPURIOUS = 0.02
"""Share of the pixels inside that can differ in color, as those of a blurred edge do."""


class MaskError(Exception):
    """A mask is wrong; the message says why and what to do."""


def outline_of_mask_file(path: Path, shape: tuple[int, int], value: int | None = None) -> Outline:
    """Return the outline of a mask file.

    Args:
        path: PNG, TIFF or JPEG file.
        shape: (rows, cols) of its image.
        value: the value of the lesion's pixels, where the mask holds several lesions; None for all values above 0.

    Returns:
        A mask [box.height, box.width] and its half-open box, (row, col), stored px.

    Raises:
        MaskError: the mask has another size, several values, covers more than half of the image, or is only a line.
        RejectedError: the file cannot be read, or no pixel is inside.
    """
    found = raster_shape(path)
    if found != shape:
        sizes = f"the mask is {found[0]} x {found[1]}, but its image is {shape[0]} x {shape[1]}"
        raise MaskError(f"{sizes}; correct the path, or draw the mask on the stored image")
    values = _gray_values(path)
    if value is not None:
        return outline_of_mask(values == value)
    inside = inside_of(values)
    if inside.mean() > MOST:
        raise MaskError(
            f"covers {percent(inside.mean(), 0)} of its image: the lesion must be white on black, or above 0"
        )
    if _is_line(inside):
        raise MaskError("is only a line around the lesion: fill it, so that the pixels inside are above 0 too")
    return outline_of_mask(inside)


def _is_line(inside: NDArray[np.bool_]) -> bool:
    """Return whether the pixels inside, [H, W] bool, are a line around a larger area that is not filled."""
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(inside.shape, np.uint8), contours, -1, 1, cv2.FILLED)
    return int(filled.sum()) > 2 * int(inside.sum())


def inside_of(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels inside, [H, W] bool, of gray values or palette indices [H, W] with background 0.

    Raises:
        MaskError: several values have areas of their own.
    """
    rows, cols = (np.flatnonzero((values > 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros(values.shape, dtype=np.bool_)
    part = values[max(rows[0] - 1, 0) : rows[-1] + 2, max(cols[0] - 1, 0) : cols[-1] + 2]  # all values lie there
    return np.asarray(values >= _smallest_inside(part))


def _smallest_inside(values: NDArray[Any]) -> float:
    """Return the smallest value inside, of values [h, w] that are not all 0.

    Raises:
        MaskError: several values have areas of their own.
    """
    levels = np.unique(values)
    levels = levels[levels > 0]
    if len(levels) == 1:
        return float(levels[0])
    most = float(levels[-1])
    areas = _levels_with_areas(values)
    areas = areas[areas > 0]
    if len(levels) > FEW and most >= SMALLEST_RANGE:
        areas = areas[areas > most / 4]
        if len(areas) and areas.min() >= most * 3 / 4:
            return most / 2
    elif len(areas) == 1:
        return float(areas[0]) / 2
    elif not len(areas) and most >= SMALLEST_RANGE:
        return most / 2
    named = ", ".join(f"{level:g}" for level in (areas if len(areas) > 1 else levels)[:FEW])
    raise MaskError(
        f"has the values {named} above 0: if they are several lesions, give one row for each with its value in the "
        "column segment of lesions.csv; else make all of them one value"
    )


def _levels_with_areas(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values that fill a square of 3 x 3 px somewhere; those of blurred edges do not."""
    numbers = values.astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    least = np.asarray(cv2.erode(numbers, kernel, borderType=cv2.BORDER_REPLICATE))
    most = np.asarray(cv2.dilate(numbers, kernel, borderType=cv2.BORDER_REPLICATE))
    return np.unique(values[least == most])


def _gray_values(path: Path) -> NDArray[Any]:
    """Return one value per pixel, [H, W], 0 outside: palette indices, gray values, or the brightest channel.

    Raises:
        MaskError: the lesions have several colors, or the values are not numbers that can be compared.
        RejectedError: the file cannot be read.
    """
    alpha = None
    with suppress(UnidentifiedImageError), Image.open(path) as image:  # sample types without a palette or alpha
        if image.mode in ("P", "PA"):
            return np.asarray(image.getchannel(0) if image.mode == "PA" else image)
        alpha = np.asarray(image.getchannel("A")) if image.mode in ("LA", "RGBA") else None
    values = raster_values(path)
    if values.dtype.kind not in "uif":
        raise MaskError(f"is a mask with values of the type {values.dtype}: save it with 8 bits per pixel")
    if values.ndim == 2:
        return np.asarray(values)
    colors = values[..., :3] if values.shape[2] >= 3 else values[..., :1]
    brightest = np.asarray(colors.max(axis=2))
    if alpha is not None and alpha.min() < alpha.max():
        return _drawn(brightest, alpha)
    _check_one_color(colors, brightest)
    return brightest


def _drawn(brightest: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Return the opaque part of a drawing, [H, W]; its black pixels are background only if others are not black."""
    opaque = alpha >= OPAQUE
    black, bright = opaque & (brightest < OPAQUE), opaque & (brightest >= OPAQUE)
    inside = bright if black.any() and bright.any() else opaque
    return inside.astype(np.uint8)


def _check_one_color(colors: NDArray[Any], brightest: NDArray[Any]) -> None:
    """Check that pixels inside have one color [H, W, 3], apart from blurred edges.

    Raises:
        MaskError: there are several colors.
    """
    inside = colors[brightest >= max(float(brightest.max()) / 2, 1)].astype(np.int64)
    if not len(inside):
        return
    full = inside * 255 // inside.max(axis=1, keepdims=True)
    colors_used, counts = np.unique(full, axis=0, return_counts=True)
    if (np.abs(full - colors_used[counts.argmax()]).max(axis=1) > OPAQUE).mean() > SPURIOUS:
        raise MaskError("has several colors: give one mask for each lesion, white on black")
