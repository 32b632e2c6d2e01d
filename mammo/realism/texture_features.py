"""Texture of a patch in fixed numbers: grey levels, power-law slope, local patterns, co-occurring grey levels."""

from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.stats import skew
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern

from mammo.records import FULL_SCALE

RADII = (1, 3)
"""Radii of local binary patterns and distances of co-occurring levels, px."""

LEVELS = 32
"""Grey levels of the co-occurrence matrix, over the whole range from black to white."""

PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")

NAMES = (
    "mean",
    "SD",
    "skewness",
    "slope",
    *(f"LBP {radius} px, {code}" for radius in RADII for code in (*(f"{n} of 8" for n in range(9)), "not uniform")),
    *(f"GLCM {radius} px, {name}" for radius in RADII for name in PROPERTIES),
)
"""What the numbers of texture() are, in order."""


def texture(patch: NDArray[np.float32]) -> NDArray[np.float64]:
    """The numbers that NAMES names, of a patch [n, n] of grey values in [0, 1]."""
    greys = np.round(patch * FULL_SCALE).astype(np.uint16)
    simple = [patch.mean(), patch.std(), skew(patch, axis=None) if patch.std() > 0 else 0.0, slope(patch)]
    patterns = [binary_patterns(greys, radius) for radius in RADII]
    levels = (greys // ((FULL_SCALE + 1) // LEVELS)).astype(np.uint8)
    pairs = [co_occurrence(levels, distance) for distance in RADII]
    return np.asarray(np.nan_to_num(np.concatenate([simple, *patterns, *pairs])), dtype=np.float64)


def binary_patterns(greys: NDArray[np.uint16], radius: int) -> NDArray[np.float64]:
    """Shares [10] of the rotation-invariant uniform patterns of 8 neighbours (Ojala et al. 2002).

    Number k is the share of pixels whose neighbours, going round, are k in a row not darker than the pixel and the rest
    darker; the last is the share of all others. Pixels within radius of the patch's edge are not counted.

    Args:
        greys: [n, n] whole grey values: equal ones must compare as equal.
        radius: distance of the neighbours, px; between pixels they are bilinear.
    """
    codes = local_binary_pattern(greys, 8, radius, method="uniform")  # type: ignore[no-untyped-call]
    inner = codes[radius:-radius, radius:-radius].astype(np.int64)
    return np.asarray(np.bincount(inner.ravel(), minlength=10) / inner.size, dtype=np.float64)


def co_occurrence(levels: NDArray[np.uint8], distance: int) -> NDArray[np.float64]:
    """PROPERTIES [4] of the symmetric co-occurrence of levels (Haralick 1973), each the mean over four directions.

    Args:
        levels: [n, n] of 0 to LEVELS - 1.
        distance: px between the two pixels of a pair; along diagonals rounded to whole rows and columns.
    """
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    pairs = graycomatrix(levels, [distance], angles, LEVELS, symmetric=True, normed=True)  # type: ignore[no-untyped-call]
    return np.array([graycoprops(pairs, name).mean() for name in PROPERTIES])  # type: ignore[no-untyped-call]


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
