"""Measures of a mammogram: texture slope, contrast, gray levels, breast area and brightness below the skin."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import skew

from mammo.realism.breast_images import FULL, BreastImage
from mammo.realism.texture_features import spectral_slope

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
