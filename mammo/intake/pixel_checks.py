"""Checks of an image's pixels: inverted gray values, windows that hide the breast, and burned-in text.

A window (VOI) hides the breast if it misses its values or is far too narrow: such an image is all white or black inside
a normal breast outline, so that no later step would notice it. Lead markers state side, view and technologist in about
six letters; burned-in text, such as a name or a date, takes more.
"""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.intake.gray_values import rim

SAMPLES = 240
"""Samples along the shorter side of an image."""

OUTLIERS = 0.005
"""Share of samples at either end that may be markers or defects."""

PLATEAU = 0.06
"""Values within this share of the range from either end are background, if they are many."""

MIN_BACKGROUND, MORE, MIN_RIM = 0.15, 2, 0.3
"""Share of the image that a bright background fills, at least; how many times more than dark values; and its share of
the image's rim."""

MAX_HIDDEN = 0.05
"""An image whose dark values fill less than this share shows no dark background."""

TEXTURE_SAMPLES, MIN_SIDE_PX = 600, 200
"""Samples along the shorter side for the texture; a smaller image shows none."""

SIGMAS_PX = (1, 2, 4, 8, 16)
MIN_SKEWNESS = -0.8
"""The differences of Gaussian blurs by these widths, px, are skewed to bright lines and dots in breasts. Inverted ones
are skewed the other way; this is the sum of the bands' skewness that only they fall below: of 92 inner parts of real
images without background the lowest was -0.79, and the digital ones had 1 and more."""

MARKERS = 0.05
"""Largest share of an image that lead markers and labels, brighter than any breast, cover."""

ALIKE = 0.9
"""A breast is hidden if more than this share of it has one gray value."""

MIN_GLYPHS = 8
"""Glyphs in one row that make it text; lead markers have fewer."""

MAX_SPECKS = 1000
"""A strip with more bright specks is noise."""

MIN_HEIGHT_PX, MAX_HEIGHT, MAX_WIDTH = 5, 1 / 25, 2.0
"""Height of a glyph, at least px and at most as a share of the image's height; its largest width in glyph heights."""

SATURATED = 0.7
"""Glyphs reach this share of the range of values."""

MIN_PLAIN, DARK = 0.3, 0.02
"""Background fills at least the first share of a glyph's surroundings; it is at most the second share of the range."""

MAX_DISTANCE = 30
"""Largest distance between the glyphs of one row, in glyph heights."""

PIECE_GAP = 32
"""Empty rows or columns, px, at which a strip is divided: with fewer, each speck of noise would be a piece."""


def looks_inverted(pixels: NDArray[np.uint16]) -> bool:
    """Return whether an image is inverted: its background is bright, or it has none and its fine structures are dark.

    Args:
        pixels: [H, W] uint16, presentation values 0 to 4095.
    """
    step = max(1, min(pixels.shape) // SAMPLES)
    sample = pixels[::step, ::step]
    below = np.cumsum(np.bincount(sample.ravel()))
    low, high = (int(np.searchsorted(below, share * below[-1])) for share in (OUTLIERS, 1 - OUTLIERS))
    margin = PLATEAU * (high - low)
    if margin <= 0:
        return False
    bright, dark = sample > high - margin, float((sample < low + margin).mean())
    share = float(bright.mean())
    if share > max(MIN_BACKGROUND, MORE * dark):
        return bool(rim(bright).mean() > MIN_RIM)
    return dark < MAX_HIDDEN and _skewness(pixels) < MIN_SKEWNESS


def _skewness(pixels: NDArray[np.uint16]) -> float:
    """Return the summed skewness of the bands of an image [H, W] between SIGMAS_PX; 0 for a small one."""
    step = max(1, min(pixels.shape) // TEXTURE_SAMPLES)
    values = cv2.blur(pixels, (step, step))[::step, ::step].astype(np.float32)
    if min(values.shape) < MIN_SIDE_PX:
        return 0.0
    blurred = [cv2.GaussianBlur(values, (0, 0), sigma) for sigma in SIGMAS_PX]
    inner = slice(SIGMAS_PX[-1], -SIGMAS_PX[-1])
    bands = (np.asarray(fine - coarse)[inner, inner] for fine, coarse in pairwise(blurred))
    return sum(map(_skew, bands))


def _skew(band: NDArray[np.floating]) -> float:
    """Return the skewness of values [h, w], outliers clipped; 0 for a single value."""
    spread = float(band.std())
    if spread == 0:
        return 0.0
    return float((np.clip((band - band.mean()) / spread, -6, 6) ** 3).mean())


def hides_breast(values: NDArray[np.uint16], shown: NDArray[np.uint16]) -> bool:
    """Return whether the breast has nearly one single value after the window, but not before it.

    The breast is separated from the background by Otsu's threshold, markers excluded.

    Args:
        values: [H, W] uint16, values 0 to 4095 before any window, background dark.
        shown: [H, W] uint16, presentation values 0 to 4095 of the same pixels.
    """
    brightest = np.sort(values, axis=None)[int((1 - MARKERS) * values.size)]
    cut, _ = cv2.threshold(np.minimum(values, brightest), 0, 0, cv2.THRESH_TRUNC | cv2.THRESH_OTSU)
    breast = values > cut
    return _most(shown[breast]) > ALIKE >= _most(values[breast])


def _most(values: NDArray[np.uint16]) -> float:
    """Return the share of the most common of values [N]; 0 for no values."""
    return int(np.bincount(values).max()) / values.size if values.size else 0.0


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
    clear = plain >= MIN_PLAIN * (rows[1] - rows[0]) * (cols[1] - cols[0])
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
