"""The slope of a texture's power spectrum: breast tissue has a power near 1 / f^beta with beta about 3.

Burgess et al. 2001, Chen et al. 2012.
"""

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

LOWEST = 3
"""Cycles a block from which the line is fitted: below, the block's own window shapes the spectrum."""


def slope(block: NDArray[np.floating]) -> float:
    """The exponent beta of the line through log power against log frequency, power being averaged over rings.

    Args:
        block: [n, n] grey values, n at least 16; a Hann window fades it out at its edges. Fitted are the rings from
            LOWEST to n / 4 cycles a block, beyond which noise and the detector's blur would be measured.

    Returns:
        beta; NaN for a block without any structure.
    """
    n = block.shape[0]
    if np.ptp(block) == 0:
        return float("nan")
    fade, ring, counts = _rings(n)
    power = np.abs(scipy.fft.fft2((block - block.mean()) * fade)) ** 2
    mean = np.bincount(ring.ravel(), power.ravel(), counts.size) / counts
    fitted = np.arange(LOWEST, n // 4 + 1)
    return -float(np.polyfit(np.log(fitted), np.log(mean[fitted]), 1)[0])


@cache
def _rings(n: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """The fading window [n, n], the ring of every coefficient [n, n] in cycles a block, and the size of each ring."""
    fade = np.hanning(n + 1)[:n]
    cycles = scipy.fft.fftfreq(n, 1 / n)
    ring = np.round(np.hypot(cycles[:, None], cycles[None])).astype(np.int64)
    return np.outer(fade, fade), ring, np.bincount(ring.ravel())
