"""Geometry: frames and the chain between them, boxes and crop windows.

Every image has one invertible chain of frames:

    stored pixels -> mirrored to face right -> breast box -> scale -> network window -> grid

Coordinates are continuous and ordered (row, col); pixel (r, c) covers [r, r + 1) x [c, c + 1), so its center is at
(r + 0.5, c + 0.5). Boxes are half-open. "Faces right" means that the chest wall is at column 0 (paper's group, GMIC).
The image store keeps the pixels of the scaled breast box (the "store frame"); crop windows live in the network frame.
"""

from dataclasses import dataclass
from functools import cached_property
from math import cos, inf, radians, sin
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from torch import Tensor

Points = NDArray[np.float64]
"""Coordinates [..., 2], (row, col)."""

Coordinates = TypeVar("Coordinates", NDArray[np.float64], "Tensor")
"""Rows or columns [...] of points."""

CORNERS = ((-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5))
"""Corners of a window, (row, col) in fractions of its side: top left, top right, bottom right, bottom left."""

SCALES = (0.01, 16.0)
"""Smallest and largest scale of a chain: beyond them no image of a breast is left, or none fits."""

ORIGIN = (-0.0, -0.0)
"""Adding -0.0, unlike 0.0, leaves every number as it is, -0.0 too."""


def rotate(
    rows: Coordinates, cols: Coordinates, cos_sin: tuple[Any, Any], center: tuple[Any, Any] = ORIGIN
) -> tuple[Coordinates, Coordinates]:
    """Rows [...] and columns [...] of points at offsets from a center, rotated about it; in the unit of the offsets.

    Args:
        rows: offsets [...].
        cols: offsets [...].
        cos_sin: cosine and sine of the angle, numbers or [...]; a positive angle turns the right edge downwards.
        center: row and column of the center, numbers or [...].
    """
    (cosine, sine), (row, col) = cos_sin, center
    return row + rows * cosine + cols * sine, col - rows * sine + cols * cosine


@dataclass(frozen=True)
class Box:
    """A half-open box of whole pixels: rows row0 to row1 - 1, columns col0 to col1 - 1.

    Raises:
        ValueError: the box is empty.
    """

    row0: int
    row1: int
    col0: int
    col1: int

    def __post_init__(self) -> None:
        if self.row1 <= self.row0 or self.col1 <= self.col0:
            raise ValueError(f"empty box: rows {self.row0} to {self.row1}, columns {self.col0} to {self.col1}")

    @property
    def height(self) -> int:
        """Rows."""
        return self.row1 - self.row0

    @property
    def width(self) -> int:
        """Columns."""
        return self.col1 - self.col0

    def shifted(self, rows: int, cols: int) -> "Box":
        """The box moved by whole pixels."""
        return Box(self.row0 + rows, self.row1 + rows, self.col0 + cols, self.col1 + cols)

    @classmethod
    def around(cls, mask: NDArray[np.bool_]) -> "Box":
        """The smallest box around the True pixels of mask [H, W]; ValueError if there are none."""
        rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            raise ValueError("empty mask: no pixel is inside the outline")
        return cls(int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1)


@dataclass(frozen=True)
class Frame:
    """The network window, height x width px, and its grid of square cells, cell_px wide (the paper: 46 x 30 of 64 px).

    Raises:
        ValueError: the height or width is not a whole number of cells.
    """

    height: int
    width: int
    cell_px: int

    def __post_init__(self) -> None:
        if self.cell_px < 1 or self.height % self.cell_px or self.width % self.cell_px:
            raise ValueError(f"frame {self.height} x {self.width} is not a whole number of {self.cell_px} px cells")

    def __str__(self) -> str:
        return f"{self.height} x {self.width} px in cells of {self.cell_px} px"

    @property
    def grid(self) -> tuple[int, int]:
        """Cells, (rows, cols)."""
        return self.height // self.cell_px, self.width // self.cell_px

    @property
    def fineness(self) -> float:
        """Pixels of this frame per pixel of the paper's 64 px cells: 1 at full size, 1/8 for 8 px cells."""
        return self.cell_px / 64


@dataclass(frozen=True)
class CropWindow:
    """A square in the network frame from which a patch is cropped.

    Attributes:
        row: center row, px.
        col: center column, px.
        side: side length, px (the paper: 128 to 384 at full size).
        angle: rotation in degrees; a positive angle turns the window's right edge downwards.
    """

    row: float
    col: float
    side: float
    angle: float = 0.0

    @cached_property
    def cos_sin(self) -> tuple[float, float]:
        """Cosine and sine of the angle."""
        return cos(radians(self.angle)), sin(radians(self.angle))

    def to_frame(self, local: ArrayLike) -> Points:
        """Points [..., 2] (row, col), network px, of window coordinates [..., 2] in [-0.5, 0.5], shares of the side."""
        offsets = np.asarray(local, dtype=np.float64) * self.side
        return np.stack(rotate(offsets[..., 0], offsets[..., 1], self.cos_sin, (self.row, self.col)), axis=-1)

    def from_frame(self, points: ArrayLike) -> Points:
        """Window coordinates [..., 2] of points [..., 2] (row, col), network px; in [-0.5, 0.5) inside the window."""
        offsets = np.asarray(points, dtype=np.float64) - (self.row, self.col)
        cosine, sine = self.cos_sin
        return np.stack(rotate(offsets[..., 0], offsets[..., 1], (cosine, -sine)), axis=-1) / self.side

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Whether points [..., 2] (row, col), network px, lie inside the window: bool [...]."""
        local = self.from_frame(points)
        return np.asarray(((local >= -0.5) & (local < 0.5)).all(axis=-1))

    def corners(self) -> Points:
        """The corners [4, 2] (row, col), network px, in the order of CORNERS."""
        return self.to_frame(CORNERS)

    def squares_touched(self, row: float, side: float) -> tuple[float, float]:
        """First and last center column of the upright squares, centered on this row, that may touch the window.

        A square is left out if it lies wholly beyond one side of the window; if all are, first is greater than last.
        """
        c, s = self.cos_sin
        d_row, reach = row - self.row, (self.side + side * (abs(c) + abs(s))) / 2
        first, last = -inf, inf
        for factor, shift in ((s, d_row * c), (c, -d_row * s)):  # |factor * d_col - shift| <= reach
            if factor:
                one, other = (shift - reach) / factor, (shift + reach) / factor
                first, last = max(first, min(one, other)), min(last, max(one, other))
            elif abs(shift) > reach:
                return inf, -inf
        return self.col + first, self.col + last


@dataclass(frozen=True, eq=False)
class CropWindows:
    """Many crop windows: the same geometry as CropWindow, in arrays.

    Attributes:
        values: float64 [N, 4], (row, col, side, angle) of each; px and degrees.
    """

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def cos_sin(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cosine and sine of each angle, [N] each, bit for bit those of CropWindow."""
        angles = [radians(angle) for angle in self.values[:, 3].tolist()]
        return np.array([cos(angle) for angle in angles]), np.array([sin(angle) for angle in angles])

    def to_frame(self, local: NDArray[np.float64]) -> Points:
        """Points [N, K, 2] (row, col), network px, of window coordinates [N or 1, K, 2] in [-0.5, 0.5]."""
        rows, cols = np.moveaxis(local * self.values[:, 2, None, None], -1, 0)
        cosine, sine = self.cos_sin
        center = (self.values[:, 0, None], self.values[:, 1, None])
        return np.stack(rotate(rows, cols, (cosine[:, None], sine[:, None]), center), axis=-1)


@dataclass(frozen=True)
class FrameChain:
    """One image's chain of frames from stored pixels to the grid, invertible at every step.

    Attributes:
        stored_shape: (rows, cols) of the stored pixels.
        mirrored: whether the stored image is flipped left to right to face right.
        breast: breast box in the mirrored frame.
        scale: store pixels per mirrored pixel (1 unless configured).
        origin: (row, col) of the network window's top left corner in the store frame; may be negative.
        frame: the network window and its grid.
    """

    stored_shape: tuple[int, int]
    mirrored: bool
    breast: Box
    scale: float
    origin: tuple[int, int]
    frame: Frame

    @property
    def store_shape(self) -> tuple[int, int]:
        """(rows, cols) of the pixels in the image store: the scaled breast box."""
        return max(1, round(self.breast.height * self.scale)), max(1, round(self.breast.width * self.scale))

    def stored_to_network(self, points: ArrayLike) -> Points:
        """Points [..., 2] (row, col): stored px to network px."""
        p = np.array(points, dtype=np.float64)
        if self.mirrored:
            p[..., 1] = self.stored_shape[1] - p[..., 1]
        return (p - (self.breast.row0, self.breast.col0)) * self.scale - self.origin

    def network_to_stored(self, points: ArrayLike) -> Points:
        """Points [..., 2] (row, col): network px to stored px."""
        p = (np.asarray(points, dtype=np.float64) + self.origin) / self.scale + (self.breast.row0, self.breast.col0)
        if self.mirrored:
            p[..., 1] = self.stored_shape[1] - p[..., 1]
        return p

    def network_to_grid(self, points: ArrayLike) -> Points:
        """Points [..., 2] (row, col): network px to grid cells."""
        return np.asarray(points, dtype=np.float64) / self.frame.cell_px

    def grid_to_network(self, points: ArrayLike) -> Points:
        """Points [..., 2] (row, col): grid cells to network px."""
        return np.asarray(points, dtype=np.float64) * self.frame.cell_px

    def mask_to_network(self, mask: NDArray[np.bool_], box: Box) -> tuple[NDArray[np.bool_], Box]:
        """The network pixels that a mask covers at least by half.

        Takes a mask [box.height, box.width] and its half-open box in the stored frame and returns the same in the
        network frame. Where none is half covered (a speck, scaled down), the most covered one stands for the lesion.
        """
        if self.mirrored:
            mask = mask[:, ::-1]
        corners = self.stored_to_network([(box.row0, box.col0), (box.row1, box.col1)])
        return _resampled(mask, corners.min(axis=0), self.scale)

    def mask_to_stored(self, mask: NDArray[np.bool_], box: Box) -> tuple[NDArray[np.bool_], Box]:
        """The stored pixels that a mask covers at least by half.

        Takes a mask [box.height, box.width] and its half-open box in the network frame and returns the same in the
        stored frame.
        """
        corners = self.network_to_stored([(box.row0, box.col0), (box.row1, box.col1)])
        if self.mirrored:
            mask = mask[:, ::-1]
        return _resampled(mask, corners.min(axis=0), 1 / self.scale)


def _resampled(mask: NDArray[np.bool_], start: Points, scale: float) -> tuple[NDArray[np.bool_], Box]:
    """Resample a mask [H, W] by area; its top left corner is at start (row, col) after scaling."""
    if scale == 1 and (start == np.rint(start)).all() and mask.any():  # the same pixels
        inner = Box.around(mask)
        return mask[inner.row0 : inner.row1, inner.col0 : inner.col1].copy(), inner.shifted(*map(int, start))
    rows, row0 = _overlap(mask.shape[0], float(start[0]), scale)
    cols, col0 = _overlap(mask.shape[1], float(start[1]), scale)
    cover = rows @ mask.astype(np.float64) @ cols.T
    out = cover >= min(0.5, cover.max()) - 1e-9
    inner = Box.around(out)
    return out[inner.row0 : inner.row1, inner.col0 : inner.col1], inner.shifted(row0, col0)


def _overlap(n_in: int, start: float, scale: float) -> tuple[Points, int]:
    """The lengths [n_out, n_in] of output pixel i covered by input pixel j, and the first output pixel."""
    edges = start + scale * np.arange(n_in + 1)
    first, last = int(np.floor(edges[0] + 1e-9)), int(np.ceil(edges[-1] - 1e-9))
    out = np.arange(first, max(last, first + 1))[:, None]
    return np.clip(np.minimum(out + 1, edges[1:]) - np.maximum(out, edges[:-1]), 0, None), first
