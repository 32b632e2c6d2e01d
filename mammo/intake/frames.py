"""From stored pixels to the store frame: the chain of frames of one image, its pixels and its tissue shares."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Frame, FrameChain
from mammo.intake.breast import best_centre, breast_box, find_tissue, window_origin
from mammo.intake.orientation import is_mirrored
from mammo.records import Laterality, View


@dataclass(frozen=True, eq=False)
class Placed:
    """One image, placed.

    Attributes:
        chain: the image's way from stored pixels to the grid.
        pixels: uint16 [chain.store_shape], presentation values 0 to 4095 of the store frame.
        tissue: share of each grid cell covered by breast tissue, [grid rows, grid cols] in [0, 1].
    """

    chain: FrameChain
    pixels: NDArray[np.uint16]
    tissue: NDArray[np.float64]


def place(
    stored: NDArray[np.uint16], laterality: Laterality, view: View, frame: Frame, scale: float, check_side: bool
) -> Placed:
    """Work out the chain of one image and bring its pixels into the store frame.

    Args:
        stored: presentation values [H, W], 0 to 4095, stored frame.
        laterality: which breast.
        view: CC or MLO.
        frame: the network window.
        scale: store pixels per mirrored pixel.
        check_side: whether the side of the breast must agree with the laterality.

    Raises:
        RefusedError: no breast is found, or it is on the wrong side.
    """
    fineness = frame.fineness / scale
    tissue = find_tissue(stored, fineness)
    mirrored = is_mirrored(tissue, laterality, check_side)
    facing_right, tissue = (stored[:, ::-1], tissue[:, ::-1]) if mirrored else (stored, tissue)
    breast = breast_box(tissue, fineness)
    inside = (slice(breast.row0, breast.row1), slice(breast.col0, breast.col1))
    window = (round(frame.height / scale), round(frame.width / scale))
    row, col = best_centre(facing_right[inside], tissue[inside], view, window, mirrored)
    chain = FrameChain((stored.shape[0], stored.shape[1]), mirrored, breast, scale, (0, 0), frame)
    origin = window_origin((row * scale, col * scale), chain.store_shape, (frame.height, frame.width), view)
    chain = replace(chain, origin=origin)
    return Placed(chain, store_pixels(chain, stored), tissue_shares(chain, tissue))


def store_pixels(chain: FrameChain, stored: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Stored pixels [H, W] mirrored, cropped and scaled by area: uint16 [chain.store_shape], the store frame."""
    facing_right = stored[:, ::-1] if chain.mirrored else stored
    if chain.scale == 1:
        box = chain.breast
        return np.ascontiguousarray(facing_right[box.row0 : box.row1, box.col0 : box.col1])
    start = (float(chain.breast.row0), float(chain.breast.col0))
    means = area_means(facing_right, start, 1 / chain.scale, chain.store_shape)
    return np.round(means).astype(np.uint16)


def tissue_shares(chain: FrameChain, tissue: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of each grid cell covered by tissue (bool [H, W], mirrored frame): [grid rows, grid cols] in [0, 1]."""
    origin = (
        chain.breast.row0 + chain.origin[0] / chain.scale,
        chain.breast.col0 + chain.origin[1] / chain.scale,
    )
    return area_means(tissue, origin, chain.frame.cell_px / chain.scale, chain.frame.grid)


def area_means(
    values: NDArray[np.generic], start: tuple[float, float], step: float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Means [shape] of values [H, W] over squares of side step (px, any real number) from start (row, col) on.

    Values count as zero outside the array; a pixel that an edge cuts counts with the share inside.
    """
    rows = _interval_sums(values, start[0], step, shape[0])
    return _interval_sums(rows.T, start[1], step, shape[1]).T / step**2


def _interval_sums(values: NDArray[np.generic], start: float, step: float, n: int) -> NDArray[np.float64]:
    """Sums along the first axis over n intervals of length step from start on."""
    edges = np.clip(start + step * np.arange(n + 1), 0, len(values))
    whole = np.minimum(edges.astype(np.intp), len(values) - 1)
    part = (edges - whole)[:, None]
    sums: NDArray[np.float64] = np.add.reduceat(values, whole, axis=0, dtype=np.float64)[:-1]
    sums[whole[:-1] == whole[1:]] = 0  # reduceat gives one element where an interval has none
    sums += part[1:] * values[whole[1:]] - part[:-1] * values[whole[:-1]]
    return sums
