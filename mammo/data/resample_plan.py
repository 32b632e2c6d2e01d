"""Where the pixels of patches come from: for every window of a batch, the tight box to read and the affine map in it.

All in the store frame, (row, col), for a whole batch at once; no pixel is touched here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import CropWindows

SLACK = 1e-6
"""Sample points this near to a pixel's centre may fall on either side of it by rounding."""


@dataclass(frozen=True, eq=False)
class ResamplePlan:
    """What a batch of patches is made of; every array has one entry a window.

    Attributes:
        box: int64 [N, 4], half-open (row0, row1, col0, col1): every pixel that the patch depends on, no more.
        matrix: float64 [N, 2, 3], patch pixel (x, y) to pixel (x, y) of the box, as OpenCV's warpAffine takes it; zeros
            where the window is whole.
        side_taps: float64 [N], weight of either neighbour in the three-tap filter that goes before a shrinking warp;
            0 where the patch does not shrink.
        whole: bool [N], upright windows on whole pixels, which are the box itself: one resize instead of a warp.
    """

    box: NDArray[np.int64]
    matrix: NDArray[np.float64]
    side_taps: NDArray[np.float64]
    whole: NDArray[np.bool_]

    @classmethod
    def from_windows(cls, values: NDArray[np.float64], patch_px: int, antialias: bool = True) -> "ResamplePlan":
        """The sources of windows [N, 4], (row, col, side, angle), resampled to patch_px.

        Args:
            values: the windows, store frame.
            patch_px: side of a patch.
            antialias: whether what a shrinking patch cannot show is filtered out first.
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
    """First and half-open last pixel of the boxes, [N, 2] each, and the matrices, of windows that a warp reads."""
    windows = CropWindows(values)
    (row, col, side), (c, s) = values.T[:3], windows.turn
    step = side / patch_px
    reach = (side - step) / 2 * (np.abs(c) + np.abs(s)) + SLACK
    centre = np.stack([row, col], axis=1) - 0.5
    low = np.floor(centre - reach[:, None]).astype(np.int64) - margin
    high = np.floor(centre + reach[:, None]).astype(np.int64) + 2 + margin
    first = windows.to_frame(np.full((1, 1, 2), 0.5 / patch_px - 0.5))[:, 0] - 0.5 - low
    matrix = np.empty((len(values), 2, 3))
    matrix[:, 0] = np.stack([step * c, -step * s, first[:, 1]], axis=1)
    matrix[:, 1] = np.stack([step * s, step * c, first[:, 0]], axis=1)
    return low, high, matrix
