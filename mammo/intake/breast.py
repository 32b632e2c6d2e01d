"""Where the breast is, and where the network window goes on it, as the paper's group does (GMIC's preprocessing).

Everything is in mirrored pixels, (row, col), chest wall at column 0. The group's distances, 100 px of erosion and a
50 px buffer, are for full-size images in the full frame; `fineness` says how many pixels one of theirs is here.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.intake.refusals import Code, RefusedError
from mammo.records import View

EROSION_PX = 100
BUFFER_PX = 50


@dataclass(frozen=True, eq=False)
class Breast:
    """The breast on one image.

    Attributes:
        tissue: bool [H, W], the pixels of the breast without thin lines and marks.
        box: half-open box around the tissue with a buffer at the top, the bottom and the nipple's side.
    """

    tissue: NDArray[np.bool_]
    box: Box


def find_tissue(pixels: NDArray[np.uint16], fineness: float) -> NDArray[np.bool_]:
    """The breast's pixels, [H, W]: foreground, eroded, its largest connected part, dilated again.

    Erosion and dilation by a cross, repeated n times, are thresholds on city-block distances; outside the image counts
    as background.

    Raises:
        RefusedError: nothing is left.
    """
    steps = max(1, round(EROSION_PX * fineness))
    foreground = cv2.copyMakeBorder(
        (pixels > pixels.min()).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=[0]
    )
    depth = cv2.distanceTransform(foreground, cv2.DIST_L1, 3)[1:-1, 1:-1]
    _, parts, stats, _ = cv2.connectedComponentsWithStats((depth > steps).astype(np.uint8), connectivity=4)
    if len(stats) < 2:
        raise RefusedError(Code.BLANK)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    distance = cv2.distanceTransform((parts != largest).astype(np.uint8), cv2.DIST_L1, 3)
    return np.asarray(distance <= steps)


def breast_box(tissue: NDArray[np.bool_], fineness: float) -> Box:
    """The half-open box around the tissue, with a buffer on all sides but the chest wall's, inside the image."""
    buffer, inner = round(BUFFER_PX * fineness), Box.around(tissue)
    rows, cols = tissue.shape
    return Box(max(inner.row0 - buffer, 0), min(inner.row1 + buffer, rows), inner.col0, min(inner.col1 + buffer, cols))


def best_centre(
    pixels: NDArray[np.uint16], tissue: NDArray[np.bool_], view: View, window: tuple[int, int], flipped: bool
) -> tuple[int, int]:
    """Centre (row, col) of the network window that shows the most of the breast.

    The window's right edge lies at the breast's rightmost point (searched in the lower two thirds). For CC its height
    is where it holds the most foreground, as near the middle as possible; for MLO its bottom edge lies at the breast's
    lowest point, or at the last row of foreground inside its columns.

    Args:
        pixels: presentation values of the breast box, [H, W].
        tissue: the same box of the breast's pixels.
        view: CC or MLO.
        window: (height, width) of the network window in mirrored pixels.
        flipped: whether the stored image was flipped to face right: the group's code then counts the rightmost point
            from the other side, one pixel further out.
    """
    low = tissue[tissue.shape[0] // 3 :]
    rightmost = int(np.flatnonzero(low.any(axis=0))[-1])
    right = rightmost if flipped else rightmost - 1
    inside = (pixels > pixels.min())[:, max(right - window[1], 0) : max(right, 1)]
    rows = inside.sum(axis=1)
    if view is View.CC:
        return _fullest(rows, window[0]), right - window[1] // 2
    bottom = min(int(np.flatnonzero(tissue.any(axis=1))[-1]), int(np.flatnonzero(rows)[-1])) - 1
    return bottom - window[0] // 2, right - window[1] // 2


def window_origin(
    centre: tuple[float, float], image: tuple[int, int], window: tuple[int, int], view: View
) -> tuple[int, int]:
    """Top left corner (row, col) of the network window: at its best centre, then shifted inside the image.

    Where the image is smaller than the window, zeros fill it up: on the right of every image, and below an MLO image
    but above and below a CC image. So the chest wall is at column 0 unless the breast is wider than the window.

    Args:
        centre: best centre in the store frame.
        image: (rows, cols) of the store frame.
        window: (height, width) of the network window.
        view: CC or MLO.
    """
    row, col = (
        min(max(round(centre[axis] - window[axis] / 2), 0), max(image[axis] - window[axis], 0)) for axis in (0, 1)
    )
    if view is View.CC:
        row -= max(window[0] - image[0], 0) // 2
    return row, col


def _fullest(rows: NDArray[np.int_], height: int) -> int:
    """The centre row of the window of this height that holds the most pixels, nearest to the middle among equals."""
    below = np.concatenate([[0], np.cumsum(rows)])
    centres, middle = np.arange(len(rows) + 1), len(rows) // 2
    top, bottom = np.clip(centres - height // 2, 0, len(rows)), np.clip(centres + height - height // 2, 0, len(rows))
    held = below[bottom] - below[top]
    best = np.flatnonzero(held == held.max())
    return int(best[np.abs(best - middle).argmin()])
