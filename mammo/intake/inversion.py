"""Detection of inverted images from their gray values: a bright even background, or dark ducts and vessels."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

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
        rim = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
        return bool(rim.mean() > MIN_RIM)
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
