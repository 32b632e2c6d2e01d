"""Placement of one image: its chain of frames, its pixels in the store frame and its tissue shares."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.breast import BUFFER_PX, best_center, find_breast, is_mirrored, window_origin
from mammo.records import Laterality, View

MIN_TISSUE = 0.01
"""An image of which the breast covers less than this share is flagged as blank."""


@dataclass(frozen=True, eq=False)
class Placed:
    """One image in the store frame.

    Attributes:
        chain: the frames from stored pixels to the grid.
        pixels: [H, W] uint16 = chain.store_shape, presentation values 0 to 4095, store frame.
        tissue: [grid rows, grid cols], share of each grid cell covered by breast tissue, 0 to 1.
        blank: whether no breast, or hardly any, is found; without a breast the chain covers the whole image.
        film: whether the breast was separated from air, as the background is not a single value.
    """

    chain: FrameChain
    pixels: NDArray[np.uint16]
    tissue: NDArray[np.float64]
    blank: bool
    film: bool = False


def place(
    stored: NDArray[np.uint16],
    laterality: Laterality,
    view: View,
    frame: Frame,
    scale: float,
    check_side: bool,
    faces_left: bool | None = None,
) -> Placed:
    """Compute the chain of one image and bring its pixels into the store frame.

    Args:
        stored: [H, W] uint16, presentation values 0 to 4095, stored frame.
        laterality: which breast.
        view: CC or MLO.
        frame: the network window.
        scale: store pixels per mirrored pixel.
        check_side: whether the side of the breast must agree with the laterality.
        faces_left: whether the stored image faces left; None where its pixels and its laterality show it.

    Raises:
        RejectedError: the breast is on the wrong side.
    """
    fineness = frame.fineness / scale
    breast = find_breast(stored, fineness)
    if breast is None:
        usual = laterality is Laterality.RIGHT
        return _blank(stored, usual if faces_left is None else faces_left, view, frame, scale)
    mirrored = is_mirrored(breast.tissue, laterality, check_side) if faces_left is None else faces_left
    nearly_blank = breast.tissue.mean() < MIN_TISSUE
    breast = breast.mirrored() if mirrored else breast
    box = breast.box(round(BUFFER_PX * fineness))
    chain = FrameChain((stored.shape[0], stored.shape[1]), mirrored, box, scale, (0, 0), frame)
    inside = _breast_box(chain, stored)
    window = (round(frame.height / scale), round(frame.width / scale))
    row, col = best_center(inside, breast, box, view, window, mirrored)
    chain = _with_window(chain, (row * scale, col * scale), view)
    tissue = tissue_shares(chain, breast.tissue, breast.stride, breast.first_col)
    return Placed(
        chain, inside if scale == 1 else store_pixels(chain, stored), tissue, nearly_blank, breast.air is not None
    )


def _blank(stored: NDArray[np.uint16], mirrored: bool, view: View, frame: Frame, scale: float) -> Placed:
    """Place an image [H, W] without a breast: all of it, with the window at its middle."""
    shape = (stored.shape[0], stored.shape[1])
    chain = FrameChain(shape, mirrored, Box(0, shape[0], 0, shape[1]), scale, (0, 0), frame)
    middle = (chain.store_shape[0] / 2, chain.store_shape[1] / 2)
    return Placed(_with_window(chain, middle, view), store_pixels(chain, stored), np.zeros(frame.grid), True)


def _with_window(chain: FrameChain, center: tuple[float, float], view: View) -> FrameChain:
    """Return the chain with its network window at a center (row, col), store px, shifted into the image."""
    window = (chain.frame.height, chain.frame.width)
    return replace(chain, origin=window_origin(center, chain.store_shape, window, view))


def store_pixels(chain: FrameChain, stored: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return stored pixels mirrored, cropped and scaled by area.

    Args:
        chain: the image's.
        stored: [H, W] uint16, presentation values 0 to 4095, stored frame.

    Returns:
        [H, W] uint16 = chain.store_shape, presentation values 0 to 4095, store frame.
    """
    if chain.scale == 1:
        return _breast_box(chain, stored)
    facing_right = stored[:, ::-1] if chain.mirrored else stored
    start = (float(chain.breast.row0), float(chain.breast.col0))
    means = area_means(facing_right, start, 1 / chain.scale, chain.store_shape)
    return np.round(means).astype(np.uint16)


def _breast_box(chain: FrameChain, stored: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the breast box of stored pixels [H, W] in the mirrored frame, contiguous."""
    box, width = chain.breast, chain.stored_shape[1]
    if not chain.mirrored:
        return np.ascontiguousarray(stored[box.row0 : box.row1, box.col0 : box.col1])
    inside = stored[box.row0 : box.row1, width - box.col1 : width - box.col0]
    return np.asarray(cv2.flip(inside, 1), dtype=np.uint16)


def tissue_shares(
    chain: FrameChain, tissue: NDArray[np.bool_], stride: int = 1, first_col: int = 0
) -> NDArray[np.float64]:
    """Return the share of each grid cell covered by tissue: [grid rows, grid cols], 0 to 1.

    Args:
        chain: the image's.
        tissue: [n, m] bool, mirrored frame, one value per square of stride px.
        stride: px.
        first_col: column at which the first square begins, px.
    """
    origin = (
        (chain.breast.row0 + chain.origin[0] / chain.scale) / stride,
        (chain.breast.col0 + chain.origin[1] / chain.scale - first_col) / stride,
    )
    return area_means(tissue, origin, chain.frame.cell_px / chain.scale / stride, chain.frame.grid)


def area_means(
    values: NDArray[np.generic], start: tuple[float, float], step: float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return means over a grid of squares.

    Values count as zero outside the array; a pixel that an edge cuts counts with the share inside.

    Args:
        values: [H, W].
        start: (row, col) of the grid's top left corner, px.
        step: side of a square, px, any positive real number.
        shape: (rows, cols) of the grid.

    Returns:
        [rows, cols] float64 = shape, in the unit of values.
    """
    rows = _interval_sums(values, start[0], step, shape[0])
    return _interval_sums(rows.T, start[1], step, shape[1]).T / step**2


def _interval_sums(values: NDArray[np.generic], start: float, step: float, n: int) -> NDArray[np.float64]:
    """Return sums of values [H, W] along the first axis over n intervals of length step from start: [n, W]."""
    edges = np.clip(start + step * np.arange(n + 1), 0, len(values))
    whole = np.minimum(edges.astype(np.intp), len(values) - 1)
    part = (edges - whole)[:, None]
    sums: NDArray[np.float64] = np.add.reduceat(values, whole, axis=0, dtype=np.float64)[:-1]
    sums[whole[:-1] == whole[1:]] = 0  # reduceat returns one element for an empty interval
    sums += part[1:] * values[whole[1:]] - part[:-1] * values[whole[:-1]]
    return sums
