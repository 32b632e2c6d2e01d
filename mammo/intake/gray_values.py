"""Gray values as files hold them, whatever their headers and containers promise: samples, bits, byte order and range.

PixelOptions are what the user states about them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mammo.intake.rejections import Code, RejectedError
from mammo.records import FULL_SCALE

Kind = TypeVar("Kind", bound=np.generic)

ROWS = 64
"""Number of rows that are sampled, about; along each row the samples are four times as close."""

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

ROUGHER = 4
"""Native pixels are in the wrong byte order if neighbors differ this many times more than in the other order."""

LINES = 64
"""Number of whole rows and columns that are sampled, about."""


@dataclass(frozen=True)
class PixelOptions:
    """How the gray values of PNG, TIFF, JPEG and PGM files are read, and how all images are scaled.

    Attributes:
        bits: bits per pixel that the files use, whatever their container holds; None if it is found in the values.
        eight_bit: whether files with 8 bits per pixel are accepted.
        spacing_mm: spacing of store pixels, mm, that every image is brought to; None if all have the same scale.
        pixel_spacing: mm between pixels of the images whose file and tables state none; None if unknown.
    """

    bits: int | None = None
    eight_bit: bool = False
    spacing_mm: float | None = None
    pixel_spacing: float | None = None

    @classmethod
    def split(cls, options: Mapping[str, Any]) -> "tuple[PixelOptions, dict[str, Any]]":
        """Return the pixel options among data.options, and the others, which are the adapter's."""
        names = {field.name for field in fields(cls)}
        own = cls(**{name: value for name, value in options.items() if name in names})
        return own, {name: value for name, value in options.items() if name not in names}


ANY_DEPTH = PixelOptions()
"""Nothing is stated: the depth is found in the values."""


def sparse(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return a regular sample of pixels [H, W] uint16 over the whole image: [about ROWS, w] uint16."""
    step = max(1, len(pixels) // ROWS)
    return pixels[::step, :: max(1, step // 4)]


def rim(pixels: NDArray[Kind]) -> NDArray[Kind]:
    """Return the outermost rows and columns of pixels [H, W], one after another: [N]; the corners count twice."""
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])


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


def bits_in_use(codes: NDArray[np.uint16], bits: int) -> int:
    """Return how many bits the gray values of an unsigned image use, which can be more than its header states.

    Higher bits can also hold an overlay or leftovers, which DICOM once allowed. Gray values that are cut off at the
    stated bits jump where they wrap around, while the whole codes are smooth there; overlays are the other way round.

    Args:
        codes: [Rows, Columns] uint16, stored codes.
        bits: bits per pixel by the header, counted from the lowest.
    """
    top = int(codes.max())
    if not top >> bits:
        return bits
    sampled = codes[:: max(1, len(codes) // LINES)], codes[:, :: max(1, codes.shape[1] // LINES)].T
    return top.bit_length() if sum(_wraps(lines.astype(np.int32), bits) for lines in sampled) > 0 else bits


def _wraps(lines: NDArray[np.int32], bits: int) -> int:
    """Return the jumps of lines [n, W] that only their lowest bits show, less those that only the whole codes show."""
    whole, cut = (np.abs(np.diff(values, axis=1)) >> (bits - 1) > 0 for values in (lines, lines & ((1 << bits) - 1)))
    lit = lines > lines.min()  # the edge of the breast is a jump of its own
    return int(((cut.astype(np.int8) - whole) * (lit[:, 1:] & lit[:, :-1])).sum(dtype=np.int64))


def check_byte_order(stored: NDArray[np.generic], bits: int) -> None:
    """Reject native pixels [Rows, Columns] that are much smoother, for their range, with their bytes swapped.

    Raises:
        RejectedError: they are in the wrong byte order.
    """
    if stored.dtype.itemsize != 2:
        return
    sample, top = stored[:: max(1, len(stored) // LINES)].astype(np.uint16), np.uint16((1 << bits) - 1)
    kept, swapped = (_roughness((rows & top).astype(np.int32)) for rows in (sample, sample.byteswap()))
    if kept > ROUGHER * swapped > 0:
        raise RejectedError(Code.BYTE_ORDER)


def _roughness(rows: NDArray[np.int32]) -> float:
    """Return the mean difference of neighbors in the rows [n, W], as a share of the range."""
    return float(np.abs(np.diff(rows, axis=1)).mean() / max(int(np.ptp(rows)), 1)) if rows.shape[1] > 1 else 0.0
