"""From a crop window to a patch, one resampling that rotates and rescales together; from its window to a whole image.

The window's box is copied from the image store, smoothed when the patch shrinks it, and read by one bilinear warp.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, CropWindow, Frame, FrameChain
from mammo.records import FULL_SCALE
from mammo.store.image_store import ImageStore

Pixels = NDArray[np.uint16]


def patch(store: ImageStore, image_id: str, chain: FrameChain, window: CropWindow, patch_px: int) -> Pixels:
    """The patch [patch_px, patch_px] of a window, 12-bit grey values; what lies outside the image is 0."""
    box = source_box(window, chain.origin)
    return resample(store.read(image_id, box), box, window, chain.origin, patch_px)


def source_box(window: CropWindow, origin: tuple[int, int], margin: int = 2) -> Box:
    """The box of the store frame that holds every pixel the window's patch is made of."""
    corners = window.corners() + origin
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    return Box(int(low[0]) - margin, int(high[0]) + margin, int(low[1]) - margin, int(high[1]) + margin)


def resample(source: Pixels, box: Box, window: CropWindow, origin: tuple[int, int], patch_px: int) -> Pixels:
    """Read the patch from source, the pixels of box (store frame), by bilinear interpolation.

    Where the window is larger than the patch, a three-tap filter removes what the patch cannot show.
    """
    if window.side > patch_px:
        source = _smoothed(source, window.side / patch_px)
    centres = (np.array([(0.5, 0.5), (1.5, 0.5), (0.5, 1.5)]) / patch_px) - 0.5
    first, down, right = window.to_frame(centres) + origin - (box.row0 + 0.5, box.col0 + 0.5)
    matrix = np.array(
        [
            [right[1] - first[1], down[1] - first[1], first[1]],
            [right[0] - first[0], down[0] - first[0], first[0]],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(source, matrix, (patch_px, patch_px), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, dtype=np.uint16)


def image_box(window: NDArray[np.float64], chain: FrameChain) -> Box:
    """The whole pixels of the store frame nearest to a whole image's window (row, col, height, 0), network frame."""
    height, width = (round(window[2] * size / chain.frame.height) for size in (chain.frame.height, chain.frame.width))
    row0, col0 = round(window[0] - height / 2), round(window[1] - width / 2)
    return Box(row0, row0 + height, col0, col0 + width).shifted(*chain.origin)


def fitted(pixels: Pixels, frame: Frame) -> Pixels:
    """Pixels [h, w] resampled to the frame's size by bicubic interpolation; unchanged where they have it already."""
    if pixels.shape == (frame.height, frame.width):
        return pixels
    resized = cv2.resize(pixels, (frame.width, frame.height), interpolation=cv2.INTER_CUBIC)
    return np.minimum(np.asarray(resized, dtype=np.uint16), FULL_SCALE)


def _smoothed(source: Pixels, shrink: float) -> Pixels:
    """A three-tap filter whose variance makes up what a box of `shrink` pixels has over one of a single pixel."""
    side = min((shrink**2 - 1) / 24, 0.25)
    taps = np.array([side, 1 - 2 * side, side])
    return np.asarray(cv2.sepFilter2D(source, -1, taps, taps, borderType=cv2.BORDER_REPLICATE), dtype=np.uint16)
