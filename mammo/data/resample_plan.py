"""Resample plan of a batch of patches: for every crop window, the tight box to read and the affine map into it.

Coordinates are (row, col) in the store frame. No pixels are read here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import CropWindows, rotate

SLACK = 1e-6
"""Distance, px, within which rounding can move a sample point to the other side of a pixel center."""


@dataclass(frozen=True, eq=False)
class ResamplePlan:
    """How to read and resample N crop windows.

    Attributes:
        box: int64 [N, 4], half-open (row0, row1, col0, col1), store frame: all pixels that the patch depends on.
        matrix: float64 [N, 2, 3], patch pixel (x, y) to box pixel (x, y), in the format of OpenCV's warpAffine; zeros
            for whole windows.
        side_taps: float64 [N], weight of each neighbor in the three-tap low-pass filter, 0 to 0.25; 0 where the window
            is not larger than the patch.
        whole: bool [N], True for upright windows with edges between pixels: the window is the box, and a resize
            replaces the warp.
    """

    box: NDArray[np.int64]
    matrix: NDArray[np.float64]
    side_taps: NDArray[np.float64]
    whole: NDArray[np.bool_]

    @classmethod
    def from_windows(cls, values: NDArray[np.float64], patch_px: int, antialias: bool = True) -> "ResamplePlan":
        """The plan that resamples windows to patches.

        Args:
            values: float64 [N, 4], crop windows (row, col, side, angle), store frame.
            patch_px: side of a patch, px.
            antialias: whether to low-pass filter windows that are larger than the patch.
        """
        row, col, side, angle = values.T
        step = side / patch_px
        side_taps = np.clip((step**2 - 1) / 24, 0, 0.25) if antialias else np.zeros(len(values))
        margin = (side_taps > 0)[:, None]
        corner = np.stack([row, col], axis=1) - side[:, None] / 2
        pixel = np.rint(corner)
        whole = (angle == 0) & (side == np.rint(side)) & (corner == pixel).all(axis=1)
        low = pixel.astype(np.int64) - margin
        high = low + side.astype(np.int64)[:, None] + 2 * margin
        matrix = np.zeros((len(values), 2, 3))
        if not whole.all():
            rest = ~whole
            low[rest], high[rest], matrix[rest] = _warped(values[rest], patch_px, margin[rest])
        return cls(np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1), matrix, side_taps, whole)


def _warped(
    values: NDArray[np.float64], patch_px: int, margin: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Box corners [N, 2] low and [N, 2] high (half-open), and matrices [N, 2, 3], of windows that need a warp."""
    windows = CropWindows(values)
    (row, col, side), (c, s) = values.T[:3], windows.cos_sin
    step = side / patch_px
    reach = (side - step) / 2 * (np.abs(c) + np.abs(s)) + SLACK
    center = np.stack([row, col], axis=1) - 0.5
    low = np.floor(center - reach[:, None]).astype(np.int64) - margin
    high = np.floor(center + reach[:, None]).astype(np.int64) + 2 + margin
    first = windows.to_frame(np.full((1, 1, 2), 0.5 / patch_px - 0.5))[:, 0] - 0.5 - low
    matrix = np.empty((len(values), 2, 3))
    down, right = rotate(np.zeros_like(step), step, (c, s))  # one patch pixel along x; along y it is (right, -down)
    matrix[:, 0] = np.stack([right, -down, first[:, 1]], axis=1)
    matrix[:, 1] = np.stack([down, right, first[:, 0]], axis=1)
    return low, high, matrix
