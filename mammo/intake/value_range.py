"""The range that gray values really fill, whatever a header or a file's container promises."""

import numpy as np
from numpy.typing import NDArray

from mammo.intake.window_check import sparse
from mammo.records import FULL_SCALE

DEPTHS = (8, 10, 12, 13, 14)
"""Bits per pixel that detectors and exports use, below 16; values up to twice the last of them are taken as 16 bits."""

SPECKS = 0.001
"""Share of pixels that may lie above the range: a few hot pixels do not make an image deeper."""

MARKERS = 0.1
"""Share of the pixels brighter than background that lead markers and burned-in letters may fill."""

FAR = 16
"""Letters at least this many times brighter than the breast do not define its range."""

LEAST = 8
"""Presentation values must fill at least one part in this many of full scale."""


def robust_top(sample: NDArray[np.integer]) -> int:
    """Return the largest value of a sample [N] or [h, w], without specks and far brighter letters."""
    ordered = np.sort(sample, axis=None)
    top = int(ordered[int((1 - SPECKS) * (ordered.size - 1))])
    lit = ordered[np.searchsorted(ordered, ordered[0], side="right") :]
    tissue = int(lit[int((1 - MARKERS) * (lit.size - 1))]) if lit.size else top
    return top if top < FAR * max(tissue, 1) else tissue


def found_bits(sample: NDArray[np.integer]) -> int:
    """Return the bits per pixel that a sample of unsigned values fills: one of DEPTHS, or at least 16."""
    bits = robust_top(sample).bit_length()
    return next((depth for depth in DEPTHS if bits <= depth), max(bits, 16))


def too_dark(shown: NDArray[np.uint16]) -> bool:
    """Return whether a sample of presentation values, 0 to 4095, fills hardly any of the range.

    A sample of a single value is a blank image, which other checks find.
    """
    filled = robust_top(shown) - int(shown.min())
    return 0 < filled < FULL_SCALE // LEAST


def to_full_scale(values: NDArray[np.unsignedinteger], bits: int) -> NDArray[np.uint16]:
    """Return values [H, W] of this many bits as 12-bit values, 0 to 4095; values beyond the bits become 4095."""
    top = (1 << bits) - 1
    if values.dtype.itemsize * 8 > bits:
        values = np.minimum(values, top)
    if bits > 12:
        return np.asarray(values >> (bits - 12), dtype=np.uint16)
    if bits == 12:
        return values.astype(np.uint16, copy=False)
    return np.round(values * (FULL_SCALE / top)).astype(np.uint16)


def found_depth(values: NDArray[np.unsignedinteger], bits: int | None) -> tuple[int, bool]:
    """Return the bits per pixel of an image's values [H, W], and whether its maximum contradicts them.

    A maximum of at most 4095 means 12 bits, and any other 16, unless the values show that it is otherwise.

    Args:
        values: [H, W] unsigned.
        bits: bits that the user states, None if unknown.
    """
    some = sparse(values)
    if bits is not None:
        return bits, robust_top(some) >> bits > 0
    top, least = int(values.max()), int(values.min())
    by_maximum = 12 if top <= FULL_SCALE else max(16, top.bit_length())
    if top == least:
        return by_maximum, False
    found = found_bits(some)
    return found, found != by_maximum
