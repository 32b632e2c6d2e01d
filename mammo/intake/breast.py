"""Where the breast is, and where the network window goes on it, as the paper's group does (GMIC's preprocessing).

Everything is in mirrored pixels, (row, col), chest wall at column 0. The group's distances, 100 px of erosion and a
50 px buffer, are for full-size images in the full frame; `fineness` says how many pixels one of theirs is here.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.intake.rejections import Code, RejectedError
from mammo.records import Laterality, View

EROSION_PX = 100
BUFFER_PX = 50
TISSUE_PX = 8
"""Tissue is sampled once in so many pixels at full size; where the breast ends is exact."""

STRIP = 16
"""The side strips looked at are one part in 16 of the image's width."""

CLEAR = 1.25
"""The pixels decide where one side strip holds this many times more breast than the other."""


@dataclass(frozen=True, eq=False)
class Breast:
    """The breast on one image: its core (eroded), and all pixels within reach of it.

    Attributes:
        rim: int [N, 2], (row, col), the outermost pixels of the core.
        reach: how far the breast goes beyond its core, px, city-block.
        shape: (rows, cols) of the image.
        tissue: bool [n, m], whether each stride-th pixel of the image is of the breast.
        stride: px.
        first_col: where the first column of tissue begins, px.
    """

    rim: NDArray[np.int64]
    reach: int
    shape: tuple[int, int]
    tissue: NDArray[np.bool_]
    stride: int
    first_col: int = 0

    def mirrored(self) -> "Breast":
        """The same on the image flipped left to right."""
        rim = np.stack([self.rim[:, 0], self.shape[1] - 1 - self.rim[:, 1]], axis=1)
        first_col = self.shape[1] - self.tissue.shape[1] * self.stride
        return replace(self, rim=rim, tissue=self.tissue[:, ::-1], first_col=first_col)

    def box(self, buffer: int = 0) -> Box:
        """The half-open box around the breast, with a buffer on all sides but the left, inside the image."""
        row0, col0 = np.maximum(self.rim.min(axis=0) - self.reach, 0).tolist()
        row1, col1 = (self.rim.max(axis=0) + self.reach + 1).tolist()
        row1, col1 = min(row1, self.shape[0]), min(col1, self.shape[1])
        return Box(max(row0 - buffer, 0), min(row1 + buffer, self.shape[0]), col0, min(col1 + buffer, self.shape[1]))

    def rightmost(self, row: int) -> int:
        """The rightmost column of the breast in this row or below it."""
        left_over = self.reach - np.maximum(row - self.rim[:, 0], 0)
        reached = (self.rim[:, 1] + left_over)[left_over >= 0]
        return min(int(reached.max()), self.shape[1] - 1)


def find_breast(pixels: NDArray[np.uint16], fineness: float) -> Breast | None:
    """The breast: foreground, eroded, its largest connected part, dilated again; None where nothing is left.

    Dilation by a cross, repeated n times, is a threshold on city-block distances.

    Args:
        pixels: presentation values [H, W].
        fineness: pixels here for one at full size.
    """
    steps, stride = max(1, round(EROSION_PX * fineness)), max(1, round(TISSUE_PX * fineness))
    foreground = _foreground(pixels)
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
    return Breast(rim, steps, shape, np.asarray(away * stride <= steps), stride)


def _foreground(pixels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """What is brighter than the darkest pixel; a first row with a 0 in it, the usual one, tells how dark that is."""
    return np.asarray(pixels > (pixels.min() if pixels[0].all() else 0))


def _eroded(mask: NDArray[np.uint8], steps: int) -> NDArray[np.uint8]:
    """A mask [H, W] of 0 and 1 eroded `steps` times by a cross; outside the image counts as background.

    A diamond moved to the four corners of another, no larger one covers the diamond of both radii: so eight erosions by
    a few points each do the work of a hundred by crosses.
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
    """The largest of the parts that touch along edges and its outermost pixels (row, col), None where there is none."""
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    if len(contours) > 1 or _meets_at_corners(mask, contours[0]):  # several parts or holes, as hardly ever
        count, parts = cv2.connectedComponents(mask, connectivity=4, ltype=cv2.CV_16U)
        areas = np.bincount(parts.ravel(), minlength=count)
        mask = np.asarray(parts == 1 + areas[1:].argmax()).view(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return mask, np.concatenate(contours)[:, 0, ::-1].astype(np.int64)


def _meets_at_corners(mask: NDArray[np.uint8], contour: MatLike) -> bool:
    """Whether a contour [N, 1, (col, row)] anywhere goes from one pixel to the next where only their corners touch."""
    col, row = contour[:, 0].T
    next_col, next_row = np.roll(col, -1), np.roll(row, -1)
    return bool(((mask[row, next_col] == 0) & (mask[next_row, col] == 0)).any())


def best_center(
    pixels: NDArray[np.uint16], breast: Breast, box: Box, view: View, window: tuple[int, int], flipped: bool
) -> tuple[int, int]:
    """Centre (row, col), in the breast box, of the network window that shows the most of the breast.

    The window's right edge lies at the breast's rightmost point (searched in the lower two thirds). For CC its height
    is where it holds the most foreground, as near the middle as possible; for MLO its bottom edge lies at the breast's
    lowest point, or at the last row of foreground inside its columns.

    Args:
        pixels: presentation values of the breast box, [H, W].
        breast: the breast, mirrored frame.
        box: the breast box, mirrored frame.
        view: CC or MLO.
        window: (height, width) of the network window in mirrored pixels.
        flipped: whether the stored image was flipped to face right: the group's code then counts the rightmost point
            from the other side, one pixel further out.
    """
    rightmost = breast.rightmost(box.row0 + box.height // 3) - box.col0
    right = rightmost if flipped else rightmost - 1
    inside = _foreground(pixels)[:, max(right - window[1], 0) : max(right, 1)]
    marks = np.ascontiguousarray(inside).view(np.uint8)
    rows = cv2.reduce(marks, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0].astype(np.int64)
    if view is View.CC:
        return _fullest(rows, window[0]), right - window[1] // 2
    lowest, shown = breast.box().row1 - 1 - box.row0, np.flatnonzero(rows)
    bottom = min(lowest, int(shown[-1])) - 1 if shown.size else lowest - 1
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


def _fullest(rows: NDArray[np.int64], height: int) -> int:
    """The centre row of the window of this height that holds the most pixels, nearest to the middle among equals."""
    below = np.concatenate([[0], np.cumsum(rows)])
    centres, middle = np.arange(len(rows) + 1), len(rows) // 2
    top, bottom = np.clip(centres - height // 2, 0, len(rows)), np.clip(centres + height - height // 2, 0, len(rows))
    held = below[bottom] - below[top]
    best = np.flatnonzero(held == held.max())
    return int(best[np.abs(best - middle).argmin()])


def is_mirrored(breast: NDArray[np.bool_], laterality: Laterality, check: bool) -> bool:
    """Whether the stored image must be flipped left to right to face right (chest wall at column 0).

    A presentation image of a left breast faces right and one of a right breast faces left, so a DICOM image whose
    pixels say otherwise has a wrong laterality or was flipped, and nobody can tell which. Copies in other formats are
    often flipped on purpose: there the pixels alone decide.

    Args:
        breast: the breast's pixels, [H, W], stored frame.
        laterality: which breast.
        check: whether pixels and laterality must agree.

    Raises:
        RejectedError: they must, and do not.
    """
    strip = max(1, breast.shape[1] // STRIP)
    left, right = int(breast[:, :strip].sum()), int(breast[:, -strip:].sum())
    by_rule = laterality is Laterality.RIGHT
    if max(left, right) < CLEAR * min(left, right) or left == right:
        return by_rule
    by_pixels = right > left
    if check and by_pixels != by_rule:
        raise RejectedError(Code.SIDE_CONFLICT)
    return by_pixels
