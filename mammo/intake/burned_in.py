"""Detection of burned-in text: rows of small saturated glyphs on a plain background, above or below the breast.

Lead markers state side, view and technologist in about six letters; a name or a date takes more.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_GLYPHS = 8
"""Glyphs in one row that make it text; lead markers have fewer."""

MAX_SPECKS = 1000
"""A strip with more bright specks is noise."""

MIN_HEIGHT_PX, MAX_HEIGHT, MAX_WIDTH = 5, 1 / 25, 2.0
"""Height of a glyph, at least px and at most as a share of the image's height; its largest width in glyph heights."""

SATURATED = 0.7
"""Glyphs reach this share of the range of values."""

MIN_BACKGROUND, DARK = 0.3, 0.02
"""Background fills at least the first share of a glyph's surroundings; it is at most the second share of the range."""

MAX_DISTANCE = 30
"""Largest distance between the glyphs of one row, in glyph heights."""

PIECE_GAP = 32
"""Empty rows or columns, px, at which a strip is divided: with fewer, each speck of noise would be a piece."""


def shows_text(values: NDArray[np.uint16]) -> bool:
    """Return whether an image shows a row of text in its upper or lower quarter.

    Args:
        values: [H, W] uint16, presentation values 0 to 4095.
    """
    height = values.shape[0]
    low, high = (int(value) for value in cv2.minMaxLoc(values)[:2])
    lit, dark = round(low + SATURATED * (high - low)), round(low + DARK * (high - low))
    strips = values[: height // 4], values[-(height // 4) :]
    return any(_longest_row(strip, lit, dark, height) >= MIN_GLYPHS for strip in strips)


def _longest_row(strip: NDArray[np.uint16], lit: int, dark: int, height: int) -> int:
    """Return the number of glyphs of the longest row in a strip [h, W]."""
    bright = (strip >= lit).view(np.uint8)
    if not MIN_GLYPHS * MIN_HEIGHT_PX <= cv2.countNonZero(bright) <= bright.size // 4:
        return 0
    left, top, wide, tall = _specks(bright).T
    formed = (
        (tall >= MIN_HEIGHT_PX) & (tall <= max(MAX_HEIGHT * height, 2 * MIN_HEIGHT_PX)) & (wide <= MAX_WIDTH * tall)
    )
    if not MIN_GLYPHS <= formed.sum() <= MAX_SPECKS:
        return 0
    left, top, wide, tall = (side[formed] for side in (left, top, wide, tall))
    rows = np.clip([top - tall // 2, top + tall + tall // 2], 0, strip.shape[0])
    cols = np.clip([left - tall // 2, left + wide + tall // 2], 0, strip.shape[1])
    around = strip[rows[0].min() : rows[1].max(), cols[0].min() : cols[1].max()]
    rows, cols = rows - rows[0].min(), cols - cols[0].min()
    sums = cv2.integral((around <= dark).view(np.uint8))
    plain = sums[rows[1], cols[1]] - sums[rows[0], cols[1]] - sums[rows[1], cols[0]] + sums[rows[0], cols[0]]
    clear = plain >= MIN_BACKGROUND * (rows[1] - rows[0]) * (cols[1] - cols[0])
    left, base, tall = left[clear], (top + tall)[clear], tall[clear]
    level = np.abs(base[:, None] - base) <= 0.3 * tall[:, None]
    alike = (tall[:, None] <= 1.6 * tall) & (tall <= 1.6 * tall[:, None])
    near = np.abs(left[:, None] - left) <= MAX_DISTANCE * tall[:, None]
    return int((level & alike & near).sum(axis=1).max(initial=0))


def _specks(bright: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return boxes [N, 4], (left, top, width, height) px, of the 8-connected parts of a mask [h, W] of 0 and 1.

    Pieces between empty rows and columns are labeled one by one, because most of a strip is empty.
    """
    boxes = [np.zeros((0, 4), np.int64)]
    for top, bottom in _stretches(np.asarray(bright.any(axis=1))):
        for left, right in _stretches(np.asarray(bright[top:bottom].any(axis=0))):
            piece = bright[top:bottom, left:right]
            begun = cv2.countNonZero(piece[:, 0]) + np.count_nonzero(piece[:, 1:] > piece[:, :-1])
            few = begun < 1 << 16  # each part starts at such a pixel; 16-bit labels take a third of the time
            labels = cv2.CV_16U if few else cv2.CV_32S
            found = cv2.connectedComponentsWithStats(piece, connectivity=8, ltype=labels)[2][1:, :4]
            boxes.append(found + np.array([left, top, 0, 0]))
    return np.concatenate(boxes)


def _stretches(lit: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open stretches of lit [N] that hold True, with at least PIECE_GAP between them."""
    at = np.flatnonzero(lit)
    cuts = np.flatnonzero(np.diff(at) > PIECE_GAP)
    return list(zip(at[[0, *(cuts + 1)]].tolist(), (at[[*cuts, -1]] + 1).tolist(), strict=True)) if at.size else []
