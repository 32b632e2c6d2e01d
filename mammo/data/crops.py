"""Patches cut from the image store by crop window, in batches, and the boxes of whole images.

A resample plan gives, for every crop window, the tight box to read and the affine map into it. The box is read from the
image store, low-pass filtered where the patch is smaller than the window, and resampled by one bilinear interpolation.
Neighboring windows of one image share one read. Coordinates are (row, col) in the store frame.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import local
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from mammo.geometry import Box, CropWindow, CropWindows, Frame, FrameChain, rotate
from mammo.records import FULL_SCALE, Pixels
from mammo.store.image_store import ImageStore

Bounds = tuple[int, int, int, int]
"""Half-open (row0, row1, col0, col1)."""
Edge = TypeVar("Edge", int, NDArray[np.int64])

MARGIN_PX = 3.0
"""Largest distance of a pixel that a patch depends on from its window: filter and interpolation reach 2 px per axis."""

SLACK = 1e-6
"""Distance, px, within which rounding can move a sample point to the other side of a pixel center."""


@dataclass(frozen=True, eq=False)
class CropRequests:
    """Patches to cut, in order.

    Attributes:
        image_ids: image of each patch.
        windows: float64 [N, 4], crop window (row, col, side, angle) of each patch, store frame.
    """

    image_ids: Sequence[str]
    windows: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.image_ids)


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


def crop(
    store: ImageStore, requests: CropRequests, patch_px: int, out: Pixels | None = None, antialias: bool = True
) -> Pixels:
    """Patches [N, patch_px, patch_px] uint16, 0 to 4095; pixels outside the image are 0.

    Args:
        store: image store to read from.
        requests: the N patches to cut.
        patch_px: side of a patch, px.
        out: uint16 [N, patch_px, patch_px] to fill and return; None for a new array.
        antialias: whether to low-pass filter windows that are larger than the patch.

    Raises:
        MammoError: an image is not in the store.
    """
    patches = np.empty((len(requests), patch_px, patch_px), np.uint16) if out is None else out
    plan = ResamplePlan.from_windows(requests.windows, patch_px, antialias)
    taps, whole = plan.side_taps.tolist(), plan.whole.tolist()
    for rows, (row0, row1, col0, col1) in _reads(requests.image_ids, plan.box):
        read = _scratch.array("read", np.uint16, row1 - row0, col1 - col0)
        store.read_into(requests.image_ids[rows[0]], (row0, col0), read, _rotated_area(requests.windows, rows))
        boxes = (plan.box[rows] - (row0, row0, col0, col0)).tolist()
        for row, (top, bottom, left, right) in zip(rows, boxes, strict=True):
            source, matrix = read[top:bottom, left:right], None if whole[row] else plan.matrix[row]
            if not taps[row]:
                _interpolate(source, matrix, patches[row])
                continue
            result = _scratch.array("result", np.float32, patch_px, patch_px)
            _interpolate(_smooth(source, taps[row], whole[row]), matrix, result)
            patches[row] = np.add(result, 0.5, out=result)
    return patches


def _reads(image_ids: Sequence[str], boxes: NDArray[np.int64]) -> Iterator[tuple[list[int], Bounds]]:
    """Rows that share a read and the box of that read; rows of one image share if that reads no more pixels in total.

    Rows of a shared read are ordered down the image, so that pixels common to neighbors are still in the CPU cache.
    """
    rows_of: dict[str, list[int]] = {}
    for row, image_id in enumerate(image_ids):
        rows_of.setdefault(image_id, []).append(row)
    for rows in rows_of.values():
        if len(rows) > 1:
            own = boxes[rows]
            first, last = own.min(axis=0).tolist(), own.max(axis=0).tolist()
            union = (first[0], last[1], first[2], last[3])
            if _area(*union) <= _area(*own.T).sum():
                yield [rows[at] for at in own[:, 0].argsort()], union
                continue
        for row in rows:
            row0, row1, col0, col1 = boxes[row].tolist()
            yield [row], (row0, row1, col0, col1)


def _rotated_area(windows: NDArray[np.float64], rows: Sequence[int]) -> CropWindow | None:
    """The part of the box that a read for one rotated window needs; None for the whole box."""
    if len(rows) > 1:
        return None
    row, col, side, angle = windows[rows[0]].tolist()
    return CropWindow(row, col, side + 2 * MARGIN_PX, angle) if angle else None


def _area(row0: Edge, row1: Edge, col0: Edge, col1: Edge) -> Edge:
    return (row1 - row0) * (col1 - col0)


def _smooth(source: Pixels, side_tap: float, trim: bool) -> NDArray[np.float32]:
    """The three-tap filter along both axes, without the outermost pixels if trim.

    It works in float32, which is four times as fast as integers and rounds only once.
    """
    taps = np.array([side_tap, 1 - 2 * side_tap, side_tap])
    gray, smooth = (_scratch.array(use, np.float32, *source.shape) for use in ("gray", "smooth"))
    gray[:] = source
    cv2.sepFilter2D(gray, -1, taps, taps, dst=smooth, borderType=cv2.BORDER_REPLICATE)
    return smooth[1:-1, 1:-1] if trim else smooth


def _interpolate(
    source: Pixels | NDArray[np.float32], matrix: NDArray[np.float64] | None, out: Pixels | NDArray[np.float32]
) -> None:
    """Resample a box [h, w] bilinearly into out [P, P]; without a matrix, the box is the whole window."""
    if matrix is None:
        cv2.resize(source, out.shape, dst=out)
    else:
        cv2.warpAffine(source, matrix, out.shape, dst=out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


class _ScratchMemory(local):
    """Arrays of one thread that are reused for every patch, because allocating costs more than resampling."""

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[Any]] = {}

    def array(self, use: str, dtype: DTypeLike, height: int, width: int) -> NDArray[Any]:
        """An uninitialized array [height, width]; the next call with the same use returns the same memory."""
        buffer = self._buffers.get(use)
        if buffer is None or buffer.size < height * width:
            buffer = self._buffers[use] = np.empty(height * width, dtype)
        return buffer[: height * width].reshape(height, width)


_scratch = _ScratchMemory()


def image_box(image_window: NDArray[np.float64], chain: FrameChain) -> Box:
    """The box of whole pixels, store frame, nearest to an image's window [4] (row, col, height, width), network px."""
    height, width = round(image_window[2]), round(image_window[3])
    row0, col0 = round(image_window[0] - height / 2), round(image_window[1] - width / 2)
    return Box(row0, row0 + height, col0, col0 + width).shifted(*chain.origin)


def resize_to_frame(pixels: Pixels, frame: Frame) -> Pixels:
    """Pixels [h, w] uint16 resized to [frame.height, frame.width] by bicubic interpolation, 0 to 4095.

    Pixels that have this size already are returned unchanged.
    """
    if pixels.shape == (frame.height, frame.width):
        return pixels
    resized = cv2.resize(pixels, (frame.width, frame.height), interpolation=cv2.INTER_CUBIC)
    return np.minimum(np.asarray(resized, dtype=np.uint16), FULL_SCALE)
