"""Where things are: the one chain of frames, boxes and crop windows.

Every image carries one invertible chain of frames:

    stored pixels -> mirrored to face right -> breast box -> scale -> network window -> grid

Coordinates are continuous and ordered (row, col); pixel (r, c) covers [r, r + 1) x [c, c + 1), so its centre is at
(r + 0.5, c + 0.5). Boxes are half-open. "Faces right" means that the chest wall is at column 0 (paper's group, GMIC).
The image store keeps the pixels of the scaled breast box (the "store frame"); crop windows live in the network frame.
"""

from dataclasses import dataclass
from functools import cached_property
from math import cos, inf, radians, sin

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""Coordinates [..., 2], (row, col)."""


@dataclass(frozen=True)
class Box:
    """A half-open box of whole pixels: rows row0 to row1 - 1, columns col0 to col1 - 1, in a frame told elsewhere.

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
        """The same box, moved."""
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
    """The network window and its grid: 2944 x 1920 px in cells of 64 px is the paper's 46 x 30 grid.

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
    """Where a patch is cut: a square in the network frame.

    Attributes:
        row: centre row, px.
        col: centre column, px.
        side: side length, px (the paper: 128 to 384 at full size).
        angle: rotation in degrees; a positive angle turns the window's right edge downwards.
    """

    row: float
    col: float
    side: float
    angle: float = 0.0

    @cached_property
    def turn(self) -> tuple[float, float]:
        """Cosine and sine of the angle."""
        return cos(radians(self.angle)), sin(radians(self.angle))

    def to_frame(self, local: ArrayLike) -> Points:
        """Window coordinates [..., 2] in [-0.5, 0.5] (fractions of the side) to the network frame, (row, col)."""
        uv = np.asarray(local, dtype=np.float64) * self.side
        c, s = self.turn
        row = self.row + uv[..., 0] * c + uv[..., 1] * s
        col = self.col - uv[..., 0] * s + uv[..., 1] * c
        return np.stack([row, col], axis=-1)

    def from_frame(self, points: ArrayLike) -> Points:
        """The inverse of to_frame: a point is inside the window when both results lie in [-0.5, 0.5)."""
        d = np.asarray(points, dtype=np.float64) - (self.row, self.col)
        c, s = self.turn
        return np.stack([d[..., 0] * c - d[..., 1] * s, d[..., 0] * s + d[..., 1] * c], axis=-1) / self.side

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Which points [..., 2] of the network frame lie inside the window."""
        local = self.from_frame(points)
        return np.asarray(((local >= -0.5) & (local < 0.5)).all(axis=-1))

    def corners(self) -> Points:
        """The four corners [4, 2] in the network frame: top left, top right, bottom right, bottom left."""
        return self.to_frame([(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)])

    def squares_touched(self, row: float, side: float) -> tuple[float, float]:
        """First and last centre column of upright squares of this side, centred on this row, that may touch the window.

        Those are the squares that no side of the window has wholly beyond it; without any, first is above last.
        """
        c, s = self.turn
        d_row, apart = row - self.row, (self.side + side * (abs(c) + abs(s))) / 2
        first, last = -inf, inf
        for share, shift in ((s, d_row * c), (c, -d_row * s)):  # |share * d_col - shift| <= apart
            if share:
                one, other = (shift - apart) / share, (shift + apart) / share
                first, last = max(first, min(one, other)), min(last, max(one, other))
            elif abs(shift) > apart:
                return inf, -inf
        return self.col + first, self.col + last


@dataclass(frozen=True, eq=False)
class CropWindows:
    """Many crop windows at once: the same geometry as CropWindow, in arrays.

    Attributes:
        values: float64 [N, 4], (row, col, side, angle) of each.
    """

    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def turn(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Cosine and sine of each angle, [N] each, to the last bit as CropWindow computes them."""
        angles = [radians(angle) for angle in self.values[:, 3].tolist()]
        return np.array([cos(angle) for angle in angles]), np.array([sin(angle) for angle in angles])

    def to_frame(self, local: NDArray[np.float64]) -> Points:
        """Window coordinates [N or 1, K, 2] in [-0.5, 0.5] to the network frame, [N, K, 2]."""
        u, v = np.moveaxis(local * self.values[:, 2, None, None], -1, 0)
        c, s = (part[:, None] for part in self.turn)
        return np.stack([self.values[:, 0, None] + u * c + v * s, self.values[:, 1, None] - u * s + v * c], axis=-1)


@dataclass(frozen=True)
class FrameChain:
    """One image's way from stored pixels to the grid, invertible at every step.

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
        """(rows, cols) of the pixels kept in the image store: the scaled breast box."""
        return max(1, round(self.breast.height * self.scale)), max(1, round(self.breast.width * self.scale))

    def stored_to_network(self, points: ArrayLike) -> Points:
        """Stored frame [..., 2] to network frame."""
        p = np.array(points, dtype=np.float64)
        if self.mirrored:
            p[..., 1] = self.stored_shape[1] - p[..., 1]
        return (p - (self.breast.row0, self.breast.col0)) * self.scale - self.origin

    def network_to_stored(self, points: ArrayLike) -> Points:
        """Network frame [..., 2] to stored frame."""
        p = (np.asarray(points, dtype=np.float64) + self.origin) / self.scale + (self.breast.row0, self.breast.col0)
        if self.mirrored:
            p[..., 1] = self.stored_shape[1] - p[..., 1]
        return p

    def network_to_grid(self, points: ArrayLike) -> Points:
        """Network frame [..., 2] to grid cells (row, col)."""
        return np.asarray(points, dtype=np.float64) / self.frame.cell_px

    def grid_to_network(self, points: ArrayLike) -> Points:
        """Grid cells [..., 2] to network frame."""
        return np.asarray(points, dtype=np.float64) * self.frame.cell_px

    def mask_to_network(self, mask: NDArray[np.bool_], box: Box) -> tuple[NDArray[np.bool_], Box]:
        """A mask [box.height, box.width] in the stored frame, as network pixels covered at least half by it.

        Where no pixel is half covered (a speck, scaled down) the most covered one stands for the lesion.
        """
        if self.mirrored:
            mask = mask[:, ::-1]
        corners = self.stored_to_network([(box.row0, box.col0), (box.row1, box.col1)])
        return _resampled(mask, corners.min(axis=0), self.scale)

    def mask_to_stored(self, mask: NDArray[np.bool_], box: Box) -> tuple[NDArray[np.bool_], Box]:
        """A mask in the network frame, as stored pixels covered at least half by it."""
        corners = self.network_to_stored([(box.row0, box.col0), (box.row1, box.col1)])
        if self.mirrored:
            mask = mask[:, ::-1]
        return _resampled(mask, corners.min(axis=0), 1 / self.scale)


def _resampled(mask: NDArray[np.bool_], start: Points, scale: float) -> tuple[NDArray[np.bool_], Box]:
    """Area resampling of a mask whose top left corner lands on start (row, col) after scaling."""
    rows, row0 = _overlap(mask.shape[0], float(start[0]), scale)
    cols, col0 = _overlap(mask.shape[1], float(start[1]), scale)
    cover = rows @ mask.astype(np.float64) @ cols.T
    out = cover >= min(0.5, cover.max()) - 1e-9
    inner = Box.around(out)
    return out[inner.row0 : inner.row1, inner.col0 : inner.col1], inner.shifted(row0, col0)


def _overlap(n_in: int, start: float, scale: float) -> tuple[Points, int]:
    """Matrix [n_out, n_in]: length of output pixel i covered by input pixel j, and the first output pixel."""
    edges = start + scale * np.arange(n_in + 1)
    first, last = int(np.floor(edges[0] + 1e-9)), int(np.ceil(edges[-1] - 1e-9))
    out = np.arange(first, max(last, first + 1))[:, None]
    return np.clip(np.minimum(out + 1, edges[1:]) - np.maximum(out, edges[:-1]), 0, None), first
