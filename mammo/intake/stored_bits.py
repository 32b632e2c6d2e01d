"""Bits of stored codes: the byte order of native pixels, and gray values above Bits Stored."""

import numpy as np
from numpy.typing import NDArray

from mammo.intake.rejections import Code, RejectedError

ROUGHER = 4
"""Native pixels are in the wrong byte order if neighbors differ this many times more than in the other order."""

LINES = 64
"""Number of whole rows and columns that are sampled, about."""


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
