"""What one mammogram looks like in ten figures, and how a set of them lies beside the range of real ones."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import skew

from mammo.realism.breasts import FULL, BreastImage
from mammo.realism.texture_features import slope

BLOCK_PX = 512
"""Side of a block, full-size px: 128 px at a quarter of full size."""

TEXTURE_SCALE = 0.25
"""Blocks are never measured finer: the spectrum of tissue then lies above grain and blur."""

RIM_MM, DEEP_MM = ((0, 2), (2, 4), (4, 8), (8, 12)), 12
"""Bands below the skin whose brightness is told as a share of what lies deeper than DEEP_MM."""

PIXEL_MM = 0.07
"""A full-size pixel."""

MEANINGS = {
    "slope": "power-law slope of 512 px blocks",
    "contrast": "SD over mean of the breast's blocks",
    "grey 5 %": "grey level that 5 % of the breast lie below, share of white",
    "grey 25 %": "the same for 25 %",
    "grey 50 %": "the same for 50 %",
    "grey 75 %": "the same for 75 %",
    "grey 95 %": "the same for 95 %",
    "grey skewness": "skewness of the breast's grey levels",
    "breast area": "share of the 2944 x 1920 window that is breast",
    **{f"rim {a}-{b} mm": f"brightness {a} to {b} mm below the skin, share of the inner breast's" for a, b in RIM_MM},
}
"""The figures, in order."""

Figures = dict[str, float]
"""One value a figure, NaN where the image has no block or no rim."""

Ranges = dict[str, tuple[float, float]]
"""Least and largest value of every figure."""


def figures(image: BreastImage) -> Figures:
    """The figures of one image, measured at TEXTURE_SCALE or at the image's own coarser scale."""
    image = image.at(min(TEXTURE_SCALE, image.scale))
    blocks = [image.grey[square] for square in image.squares(BLOCK_PX)]
    greys = image.grey[image.mask]
    if not greys.size:
        return dict.fromkeys(MEANINGS, float("nan"))
    levels = np.percentile(greys, [5, 25, 50, 75, 95])
    bands = [_between(image, a, b) for a, b in RIM_MM]
    deep = _between(image, DEEP_MM, np.inf)
    values = [
        _median([slope(block) for block in blocks]),
        _median([float(block.std() / block.mean()) for block in blocks]),
        *levels.tolist(),
        float(skew(greys)),
        image.mask.sum() / image.scale**2 / (FULL.height * FULL.width),
        *(band / deep for band in bands),
    ]
    return dict(zip(MEANINGS, map(float, values), strict=True))


def _between(image: BreastImage, nearest_mm: float, farthest_mm: float) -> float:
    """Mean grey level of the breast between two depths below the skin, mm; NaN where there is none."""
    depth = image.skin_depth * PIXEL_MM
    values = image.grey[(depth > nearest_mm) & (depth <= farthest_mm)]
    return float(values.mean()) if values.size else float("nan")


def _median(values: Sequence[float]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")
