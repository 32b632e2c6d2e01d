"""From crop windows to patches, a batch at a time; from its window to a whole image.

The tight box of each window is copied from the image store, smoothed where the patch shrinks it, and read by one
bilinear interpolation. Windows of one image that lie close together share one read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import local
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from mammo.data.resample_plan import ResamplePlan
from mammo.geometry import Box, CropWindow, Frame, FrameChain
from mammo.records import FULL_SCALE, Pixels
from mammo.store.image_store import ImageStore

Grey = NDArray[np.float32]
Bounds = tuple[int, int, int, int]
"""Half-open (row0, row1, col0, col1)."""
Edge = TypeVar("Edge", int, NDArray[np.int64])

MARGIN_PX = 3.0
"""No patch depends on pixels farther from its window: filter and interpolation reach two along either axis."""


@dataclass(frozen=True, eq=False)
class CropRequests:
    """Patches to cut, in order.

    Attributes:
        image_ids: the image of each.
        windows: float64 [N, 4], (row, col, side, angle) of each, store frame.
    """

    image_ids: Sequence[str]
    windows: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.image_ids)


def crop(
    store: ImageStore, requests: CropRequests, patch_px: int, out: Pixels | None = None, antialias: bool = True
) -> Pixels:
    """Patches [N, patch_px, patch_px], 12-bit grey values; what lies outside an image is 0.

    Args:
        store: where the pixels are.
        requests: what to cut.
        patch_px: side of a patch.
        out: where to put the patches; a new array if None.
        antialias: whether what a shrinking patch cannot show is filtered out before it is read.

    Raises:
        MammoError: an image is not in the store.
    """
    patches = np.empty((len(requests), patch_px, patch_px), np.uint16) if out is None else out
    sources = ResamplePlan.from_windows(requests.windows, patch_px, antialias)
    taps, whole = sources.side_taps.tolist(), sources.whole.tolist()
    for rows, (row0, row1, col0, col1) in _reads(requests.image_ids, sources.box):
        read = _scratch.array("read", np.uint16, row1 - row0, col1 - col0)
        store.read_into(requests.image_ids[rows[0]], (row0, col0), read, _needed(requests.windows, rows))
        boxes = (sources.box[rows] - (row0, row0, col0, col0)).tolist()
        for row, (top, bottom, left, right) in zip(rows, boxes, strict=True):
            source, matrix = read[top:bottom, left:right], None if whole[row] else sources.matrix[row]
            if not taps[row]:
                _interpolate(source, matrix, patches[row])
                continue
            result = _scratch.array("result", np.float32, patch_px, patch_px)
            _interpolate(_smooth(source, taps[row], whole[row]), matrix, result)
            patches[row] = np.add(result, 0.5, out=result)
    return patches


def _reads(image_ids: Sequence[str], boxes: NDArray[np.int64]) -> Iterator[tuple[list[int], Bounds]]:
    """Rows that share a read, and its box: those of one image, if that reads no more than each on its own.

    They go down the image, as pixels that one window needs are then still in the cache for the next.
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


def _needed(windows: NDArray[np.float64], rows: Sequence[int]) -> CropWindow | None:
    """What a read for one turned window needs of its box; None for all of it."""
    if len(rows) > 1:
        return None
    row, col, side, angle = windows[rows[0]].tolist()
    return CropWindow(row, col, side + 2 * MARGIN_PX, angle) if angle else None


def _area(row0: Edge, row1: Edge, col0: Edge, col1: Edge) -> Edge:
    return (row1 - row0) * (col1 - col0)


def _smooth(source: Pixels, side_tap: float, trim: bool) -> Grey:
    """The three-tap filter along both axes, in float32: four times as fast as in integers, and rounded once."""
    taps = np.array([side_tap, 1 - 2 * side_tap, side_tap])
    grey, smooth = (_scratch.array(use, np.float32, *source.shape) for use in ("grey", "smooth"))
    grey[:] = source
    cv2.sepFilter2D(grey, -1, taps, taps, dst=smooth, borderType=cv2.BORDER_REPLICATE)
    return smooth[1:-1, 1:-1] if trim else smooth


def _interpolate(source: Pixels | Grey, matrix: NDArray[np.float64] | None, out: Pixels | Grey) -> None:
    """Read out [P, P] from the pixels of a box [h, w] bilinearly; without a matrix, the box is the window."""
    if matrix is None:
        cv2.resize(source, out.shape, dst=out)
    else:
        cv2.warpAffine(source, matrix, out.shape, dst=out, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


class _Scratch(local):
    """Memory of one thread, reused from patch to patch: fresh memory would cost more than what is done in it."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[Any]] = {}

    def array(self, use: str, dtype: DTypeLike, height: int, width: int) -> NDArray[Any]:
        """An array [height, width] whose content is whatever its use left there."""
        kept = self._kept.get(use)
        if kept is None or kept.size < height * width:
            kept = self._kept[use] = np.empty(height * width, dtype)
        return kept[: height * width].reshape(height, width)


_scratch = _Scratch()


def image_box(window: NDArray[np.float64], chain: FrameChain) -> Box:
    """The whole pixels of the store frame nearest to a whole image's window (row, col, height, 0), network frame."""
    height, width = (round(window[2] * size / chain.frame.height) for size in (chain.frame.height, chain.frame.width))
    row0, col0 = round(window[0] - height / 2), round(window[1] - width / 2)
    return Box(row0, row0 + height, col0, col0 + width).shifted(*chain.origin)


def resize_to_frame(pixels: Pixels, frame: Frame) -> Pixels:
    """Pixels [h, w] resampled to the frame's size by bicubic interpolation; unchanged where they have it already."""
    if pixels.shape == (frame.height, frame.width):
        return pixels
    resized = cv2.resize(pixels, (frame.width, frame.height), interpolation=cv2.INTER_CUBIC)
    return np.minimum(np.asarray(resized, dtype=np.uint16), FULL_SCALE)
