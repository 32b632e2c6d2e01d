"""Measures of a mammogram, and texture features of its patches.

Measures: texture slope, contrast, gray levels, breast area and brightness below the skin. Features: moments, power-law
slope, local binary patterns and co-occurrence of gray levels.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.stats import skew
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern

from mammo.realism.breast_images import FULL, BreastImage
from mammo.records import FULL_SCALE, Floats, Ints, Pixels

BLOCK_PX = 512
"""Side of a texture block, full-size px: 128 px at a quarter of full size."""

TEXTURE_SCALE = 0.25
"""Largest scale of measurement, pixels per full-size pixel: the spectrum of tissue then lies above grain and blur."""

RIM_MM, DEEP_MM = ((0, 2), (2, 4), (4, 8), (8, 12)), 12
"""Bands of depth below the skin whose brightness is measured, relative to the tissue deeper than DEEP_MM."""

PIXEL_MM = 0.07
"""Side of a full-size pixel."""

MEASURES = {
    "slope": "power-law slope of 512 px blocks",
    "contrast": "SD over mean of the breast's blocks",
    "gray 5 %": "5th percentile of the breast's gray levels, fraction of full scale",
    "gray 25 %": "25th percentile",
    "gray 50 %": "median",
    "gray 75 %": "75th percentile",
    "gray 95 %": "95th percentile",
    "gray skewness": "skewness of the breast's gray levels",
    "breast area": "fraction of the 2944 x 1920 window that is breast",
    **{f"rim {a}-{b} mm": f"brightness {a} to {b} mm below the skin, relative to the inner breast" for a, b in RIM_MM},
}
"""Description of each measure by name, in order."""

Measures = dict[str, float]
"""Value of each measure by name; NaN for an image without a texture block or without a rim."""

Ranges = dict[str, tuple[float, float]]
"""Smallest and largest value of each measure by name."""

RADII = (1, 3)
"""Radii of local binary patterns and distances of co-occurring levels, px."""

LEVELS = 32
"""Gray levels of the co-occurrence matrix, over the whole range from black to white."""

PROPERTIES = ("contrast", "homogeneity", "energy", "correlation")

FEATURES = (
    "mean",
    "SD",
    "skewness",
    "slope",
    *(f"LBP {radius} px, {code}" for radius in RADII for code in (*(f"{n} of 8" for n in range(9)), "not uniform")),
    *(f"GLCM {radius} px, {name}" for radius in RADII for name in PROPERTIES),
)
"""Names of the features, in order."""

LOWEST_FREQUENCY = 3
"""Lowest frequency of the line fit, cycles per block: below it, the Hann window shapes the spectrum."""


def image_measures(image: BreastImage) -> Measures:
    """The measures of one image, at TEXTURE_SCALE or at the image's own smaller scale."""
    image = image.reduced(min(TEXTURE_SCALE, image.scale))
    blocks = [image.gray[square] for square in image.squares(BLOCK_PX)]
    gray = image.gray[image.mask]
    if not gray.size:
        return dict.fromkeys(MEASURES, float("nan"))
    percentiles = np.percentile(gray, [5, 25, 50, 75, 95])
    bands = [_mean_between(image, a, b) for a, b in RIM_MM]
    inner = _mean_between(image, DEEP_MM, np.inf)
    values = [
        _median([spectral_slope(block) for block in blocks]),
        _median([float(block.std() / block.mean()) for block in blocks]),
        *percentiles.tolist(),
        float(skew(gray)),
        image.mask.sum() / image.scale**2 / (FULL.height * FULL.width),
        *(band / inner for band in bands),
    ]
    return dict(zip(MEASURES, map(float, values), strict=True))


def _mean_between(image: BreastImage, nearest_mm: float, farthest_mm: float) -> float:
    """Mean gray level of the breast between two depths below the skin, mm; NaN without such pixels."""
    depth = image.skin_depth * PIXEL_MM
    values = image.gray[(depth > nearest_mm) & (depth <= farthest_mm)]
    return float(values.mean()) if values.size else float("nan")


def _median(values: Sequence[float]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def texture_features(patch: NDArray[np.float32]) -> Floats:
    """The features [len(FEATURES)] of a patch [n, n] of gray values in [0, 1]; undefined features are 0."""
    gray = np.round(patch * FULL_SCALE).astype(np.uint16)
    moments = [patch.mean(), patch.std(), skew(patch, axis=None) if patch.std() > 0 else 0.0, spectral_slope(patch)]
    patterns = [binary_patterns(gray, radius) for radius in RADII]
    levels = (gray // ((FULL_SCALE + 1) // LEVELS)).astype(np.uint8)
    pairs = [co_occurrence(levels, distance) for distance in RADII]
    return np.asarray(np.nan_to_num(np.concatenate([moments, *patterns, *pairs])), dtype=np.float64)


def binary_patterns(gray: Pixels, radius: int) -> Floats:
    """Fractions [10] of the rotation-invariant uniform patterns of 8 neighbors (Ojala et al. 2002), in [0, 1].

    Entry k is the fraction of pixels with exactly k consecutive neighbors that are at least as bright and all others
    darker; the last entry is the fraction of all other pixels. Pixels within radius of the edge are not counted.

    Args:
        gray: [n, n] integer gray values, so that equal values compare as equal.
        radius: distance of the neighbors, px; interpolated bilinearly between pixels.
    """
    codes = local_binary_pattern(gray, 8, radius, method="uniform")  # type: ignore[no-untyped-call]
    inner = codes[radius:-radius, radius:-radius].astype(np.int64)
    return np.asarray(np.bincount(inner.ravel(), minlength=10) / inner.size, dtype=np.float64)


def co_occurrence(levels: NDArray[np.uint8], distance: int) -> Floats:
    """PROPERTIES [4] of the symmetric co-occurrence matrix (Haralick 1973), averaged over four directions.

    Args:
        levels: [n, n] gray levels, 0 to LEVELS - 1.
        distance: between the two pixels of a pair, px; along diagonals rounded to whole rows and columns.
    """
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    pairs = graycomatrix(levels, [distance], angles, LEVELS, symmetric=True, normed=True)  # type: ignore[no-untyped-call]
    return np.array([graycoprops(pairs, name).mean() for name in PROPERTIES])  # type: ignore[no-untyped-call]


def spectral_slope(block: NDArray[np.floating]) -> float:
    """The exponent beta of the power spectrum 1 / f^beta; about 3 in breast tissue (Burgess 2001, Chen 2012).

    Power is averaged over rings of equal frequency, and a line is fitted to log power against log frequency, from
    LOWEST_FREQUENCY to n / 4 cycles per block; above that, noise and detector blur dominate.

    Args:
        block: [n, n] gray values, n >= 16; a Hann window is applied.

    Returns:
        beta; NaN for a uniform block.
    """
    n = block.shape[0]
    if np.ptp(block) == 0:
        return float("nan")
    hann, ring, counts = _rings(n)
    power = np.abs(scipy.fft.fft2((block - block.mean()) * hann)) ** 2
    mean = np.bincount(ring.ravel(), power.ravel(), counts.size) / counts
    frequencies = np.arange(LOWEST_FREQUENCY, n // 4 + 1)
    return -float(np.polyfit(np.log(frequencies), np.log(mean[frequencies]), 1)[0])


@cache
def _rings(n: int) -> tuple[Floats, Ints, Ints]:
    """The Hann window [n, n], the ring of each Fourier coefficient [n, n], cycles per block, and the ring sizes."""
    hann = np.hanning(n + 1)[:n]
    cycles = scipy.fft.fftfreq(n, 1 / n)
    ring = np.round(np.hypot(cycles[:, None], cycles[None])).astype(np.int64)
    return np.outer(hann, hann), ring, np.bincount(ring.ravel())
