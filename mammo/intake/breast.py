"""Breast segmentation, breast box and the best center of the network window, as in GMIC's preprocessing.

Coordinates are mirrored pixels, (row, col), chest wall at column 0, except in find_breast and is_mirrored, which see
the stored frame. GMIC's distances, 100 px of erosion and a buffer of 50 px, are for full-size images in the full frame;
`fineness` is the number of pixels here per full-size pixel.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.intake.film import Air, above_air, find_air
from mammo.intake.rejections import Code, RejectedError
from mammo.records import Laterality, View

EROSION_PX = 100
BUFFER_PX = 50
TISSUE_PX = 8
"""The tissue mask has one sample per this many full-size pixels; the edges of the breast are exact."""

FILM_REACH = 2
"""On film, breast is found up to this many times the erosion from its core: erosion rounds the corners that the film's
edges cut."""

STRIP = 16
"""The strips at the left and right edge that are compared are 1/16 of the image's, or of the breast's, width each."""

CLEAR = 1.25
"""The pixels decide the side if one strip holds this many times more breast than the other."""


@dataclass(frozen=True, eq=False)
class Breast:
    """The breast on one image: an eroded core, and all pixels within reach of it.

    Attributes:
        rim: [N, 2] int64, (row, col), px: the outermost pixels of the core.
        reach: how far the breast extends beyond its core, px, city-block distance.
        shape: (rows, cols) of the image.
        tissue: [rows / stride, cols / stride] bool, whether every stride-th pixel (row, col) is breast.
        stride: px.
        first_col: column at which the first column of tissue begins, px.
        air: the level of film air, None if the background is a single value.
    """

    rim: NDArray[np.int64]
    reach: int
    shape: tuple[int, int]
    tissue: NDArray[np.bool_]
    stride: int
    first_col: int = 0
    air: Air | None = None

    def mirrored(self) -> "Breast":
        """Return the breast on the image flipped left to right."""
        rim = np.stack([self.rim[:, 0], self.shape[1] - 1 - self.rim[:, 1]], axis=1)
        first_col = self.shape[1] - self.tissue.shape[1] * self.stride
        return replace(self, rim=rim, tissue=self.tissue[:, ::-1], first_col=first_col)

    def box(self, buffer: int = 0) -> Box:
        """Return the half-open box of the breast inside the image, with a buffer (px) on all sides but the left."""
        row0, col0 = np.maximum(self.rim.min(axis=0) - self.reach, 0).tolist()
        row1, col1 = (self.rim.max(axis=0) + self.reach + 1).tolist()
        row1, col1 = min(row1, self.shape[0]), min(col1, self.shape[1])
        return Box(max(row0 - buffer, 0), min(row1 + buffer, self.shape[0]), col0, min(col1 + buffer, self.shape[1]))

    def rightmost(self, row: int) -> int:
        """Return the rightmost column of the breast in this row or below it."""
        left_over = self.reach - np.maximum(row - self.rim[:, 0], 0)
        reached = (self.rim[:, 1] + left_over)[left_over >= 0]
        return min(int(reached.max()), self.shape[1] - 1)


def find_breast(pixels: NDArray[np.uint16], fineness: float) -> Breast | None:
    """Return the breast, or None if erosion leaves nothing: foreground, eroded, its largest part, dilated again.

    Dilation by a cross, repeated n times, is a threshold on city-block distances. On film, whose background is not a
    single value, the foreground is what is brighter than air.

    Args:
        pixels: [H, W] uint16, presentation values 0 to 4095, stored frame.
        fineness: pixels here per full-size pixel.
    """
    steps, stride = max(1, round(EROSION_PX * fineness)), max(1, round(TISSUE_PX * fineness))
    air = find_air(pixels, fineness)
    foreground = _foreground(pixels) if air is None else above_air(pixels, air, fineness)
    if not foreground.any():
        return None
    lit = Box.around(foreground)
    inside = (slice(lit.row0, lit.row1), slice(lit.col0, lit.col1))
    largest = _largest(_eroded(foreground.view(np.uint8)[inside], steps))
    if largest is None:
        return None
    core, rim = largest[0], largest[1] + np.array([lit.row0, lit.col0])
    whole = np.zeros(pixels.shape, dtype=np.uint8)
    whole[inside] = core
    away = cv2.distanceTransform(1 - whole[::stride, ::stride], cv2.DIST_L1, 3)
    shape = (pixels.shape[0], pixels.shape[1])
    tissue = np.asarray(away * stride <= steps)
    if air is not None:
        tissue |= foreground[::stride, ::stride] & (away * stride <= FILM_REACH * steps)
    return Breast(rim, steps, shape, tissue, stride, air=air)


def _foreground(pixels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Return [H, W] bool: brighter than the darkest pixel. A 0 in the first row, the usual case, saves a pass."""
    return np.asarray(pixels > (pixels.min() if pixels[0].all() else 0))


def _eroded(mask: NDArray[np.uint8], steps: int) -> NDArray[np.uint8]:
    """Return a mask [H, W] of 0 and 1 eroded `steps` times by a cross; outside the image counts as background.

    Copies of a diamond, placed at the corners of another that is no larger, cover the diamond with the sum of both
    radii. So eight erosions by a few points each equal a hundred erosions by crosses.
    """
    mask, radius = _eroded_by(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), mask), 1
    while radius < steps:
        more = min(radius, steps - radius)
        corners = np.zeros((2 * more + 1, 2 * more + 1), dtype=np.uint8)
        corners[[0, more, more, -1], [more, 0, -1, more]] = 1
        mask, radius = _eroded_by(corners, mask), radius + more
    return mask


def _eroded_by(kernel: MatLike, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.erode(mask, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=[0]), dtype=np.uint8)


def _largest(mask: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
    """Return the largest 4-connected part [H, W] and its outermost pixels [N, 2] (row, col); None for an empty mask."""
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    if len(contours) > 1 or _meets_at_corners(mask, contours[0]):  # several parts or holes, which is rare
        count, parts = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_16U)
        areas = np.bincount(parts.ravel(), minlength=count)
        mask = np.asarray(parts == 1 + areas[1:].argmax()).view(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return mask, np.concatenate(contours)[:, 0, ::-1].astype(np.int64)


def _meets_at_corners(mask: NDArray[np.uint8], contour: MatLike) -> bool:
    """Return whether two successive pixels of a contour [N, 1, 2] (col, row) touch only at their corners."""
    col, row = contour[:, 0].T
    next_col, next_row = np.roll(col, -1), np.roll(row, -1)
    return bool(((mask[row, next_col] == 0) & (mask[next_row, col] == 0)).any())


def best_center(
    pixels: NDArray[np.uint16], breast: Breast, box: Box, view: View, window: tuple[int, int], flipped: bool
) -> tuple[int, int]:
    """Return the center of the network window that shows the most of the breast: (row, col) in the breast box, px.

    The window's right edge lies at the breast's rightmost point (searched in the lower two thirds). A CC window holds
    as much foreground as possible, as near the middle as possible; an MLO window's bottom edge lies at the breast's
    lowest point, or at the last row of foreground inside its columns.

    Args:
        pixels: [H, W] uint16, presentation values 0 to 4095 of the breast box, mirrored frame.
        breast: the breast, mirrored frame.
        box: the breast box, mirrored frame.
        view: CC or MLO.
        window: (height, width) of the network window in mirrored pixels.
        flipped: whether the stored image was flipped to face right: GMIC's code then counts the rightmost point from
            the other side, one pixel further out.
    """
    rightmost = breast.rightmost(box.row0 + box.height // 3) - box.col0
    right = rightmost if flipped else rightmost - 1
    lit = _foreground(pixels) if breast.air is None else pixels > breast.air.level
    inside = lit[:, max(right - window[1], 0) : max(right, 1)]
    marks = np.ascontiguousarray(inside).view(np.uint8)
    rows = cv2.reduce(marks, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0].astype(np.int64)
    if view is View.CC:
        return _fullest(rows, window[0]), right - window[1] // 2
    lowest, shown = breast.box().row1 - 1 - box.row0, np.flatnonzero(rows)
    bottom = min(lowest, int(shown[-1])) - 1 if shown.size else lowest - 1
    return bottom - window[0] // 2, right - window[1] // 2


def window_origin(
    center: tuple[float, float], image: tuple[int, int], window: tuple[int, int], view: View
) -> tuple[int, int]:
    """Return the top left corner of the network window, (row, col) in the store frame, px.

    The window lies at its best center, shifted into the image.

    Images smaller than the window are padded with zeros: every image on the right, MLO images below, CC images above
    and below. So the chest wall is at column 0 unless the breast is wider than the window.

    Args:
        center: best center (row, col), store px.
        image: (rows, cols) of the store frame.
        window: (height, width) of the network window.
        view: CC or MLO.
    """
    row, col = (
        min(max(round(center[axis] - window[axis] / 2), 0), max(image[axis] - window[axis], 0)) for axis in (0, 1)
    )
    if view is View.CC:
        row -= max(window[0] - image[0], 0) // 2
    return row, col


def _fullest(rows: NDArray[np.int64], height: int) -> int:
    """Return the center row of the window of this height that holds the most pixels; of equals the most central."""
    below = np.concatenate([[0], np.cumsum(rows)])
    centers, middle = np.arange(len(rows) + 1), len(rows) // 2
    top, bottom = np.clip(centers - height // 2, 0, len(rows)), np.clip(centers + height - height // 2, 0, len(rows))
    held = below[bottom] - below[top]
    best = np.flatnonzero(held == held.max())
    return int(best[np.abs(best - middle).argmin()])


def is_mirrored(breast: NDArray[np.bool_], laterality: Laterality, check: bool) -> bool:
    """Return whether the stored image must be flipped left to right to face right (chest wall at column 0).

    A presentation image of a left breast faces right, and one of a right breast faces left. A DICOM image whose pixels
    contradict its laterality has a wrong laterality or was flipped, and which of the two is unknown. Copies in other
    formats are often flipped on purpose, so the pixels alone decide. A film may lie in the middle of its image: then
    the edges of the breast itself are compared, which is cut off at the chest wall and round on the other side.

    Args:
        breast: [H, W] bool, the breast's pixels, stored frame; at least one is True.
        laterality: which breast.
        check: whether pixels and laterality must agree.

    Raises:
        RejectedError: they must agree, and do not.
    """
    by_rule = laterality is Laterality.RIGHT
    cols = np.flatnonzero(breast.any(axis=0))
    sides = [_fuller_side(breast), _fuller_side(breast[:, cols[0] : cols[-1] + 1])]
    by_pixels = next((side for side in sides if side is not None), by_rule)
    if check and by_pixels != by_rule:
        raise RejectedError(Code.SIDE_CONFLICT)
    return by_pixels


def _fuller_side(breast: NDArray[np.bool_]) -> bool | None:
    """Return whether the right edge of a mask [H, W] holds clearly more than the left, None if neither does."""
    strip = max(1, breast.shape[1] // STRIP)
    left, right = int(breast[:, :strip].sum()), int(breast[:, -strip:].sum())
    return None if max(left, right) < CLEAR * min(left, right) or left == right else right > left
