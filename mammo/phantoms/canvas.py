"""Canvas: the drawn part of an image, and the mapping from full-size pixels to stored pixels at any scale.

The full-size frame is 3328 x 2560 px, facing right (chest wall at column 0), (row, col). A canvas covers only the rows
and columns that the breast needs; it is placed in the whole frame at the end.

Arithmetic is numpy's: OpenCV's last bits can depend on the number of threads, and a cohort must not.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""One value per drawn pixel, [height, width] float32."""

FULL_HEIGHT, FULL_WIDTH = 3328, 2560
"""Full-size image, px."""

LIST_WIDTH = 512
"""Row length of the plane that a list of positions is reshaped to."""

PIXEL_MM = 0.07
"""Detector spacing at full size, mm."""


@dataclass(frozen=True)
class Canvas:
    """Drawn part of one image.

    Attributes:
        scale: stored pixels per full-size pixel.
        row0: first drawn row, stored px.
        height: drawn rows, stored px.
        width: drawn columns from the chest wall, stored px.
    """

    scale: float
    row0: int
    height: int
    width: int

    @classmethod
    def covering(cls, scale: float, top: float, bottom: float, depth: float) -> "Canvas":
        """Return the canvas over rows top to bottom and columns 0 to depth, all in full-size px."""
        row0 = round(np.floor(max(top, 0) / 8) * 8 * scale)
        row1 = min(int(np.ceil(bottom * scale)) + 1, stored_shape(scale)[0])
        return cls(scale, row0, row1 - row0, min(int(np.ceil(depth * scale)) + 1, stored_shape(scale)[1]))

    @property
    def rows(self) -> Plane:
        """Centers of the drawn rows [height, 1], full-size px."""
        return ((self.row0 + np.arange(self.height, dtype=np.float32) + 0.5) / self.scale)[:, None]

    @property
    def cols(self) -> Plane:
        """Centers of the drawn columns [1, width], full-size px."""
        return ((np.arange(self.width, dtype=np.float32) + 0.5) / self.scale)[None]

    def sample_grid(self, coarse: Plane, cell_px: float) -> Plane:
        """Sample a coarse grid over the whole frame at the drawn pixels, bilinear.

        Args:
            coarse: [rows, cols] of cells from (0, 0) of the full-size frame on.
            cell_px: size of a cell, full-size px.

        Returns:
            [height, width].
        """
        rows = np.broadcast_to(self.rows / np.float32(cell_px) - np.float32(0.5), (self.height, self.width))
        cols = np.broadcast_to(self.cols / np.float32(cell_px) - np.float32(0.5), (self.height, self.width))
        return sample_bilinear(coarse, rows, cols)

    def enlarged(self, plane: Plane, drawn: "Canvas") -> Plane:
        """Sample a plane [h, w] of a coarser canvas over the same breast at this canvas's pixels, bilinear.

        Args:
            plane: [drawn.height, drawn.width].
            drawn: its canvas.

        Returns:
            [height, width].
        """
        rows = np.broadcast_to(self.rows * np.float32(drawn.scale) - (drawn.row0 + 0.5), (self.height, self.width))
        cols = np.broadcast_to(self.cols * np.float32(drawn.scale) - np.float32(0.5), (self.height, self.width))
        return sample_bilinear(plane, rows.astype(np.float32), cols)

    def around(self, row: float, col: float, reach: float) -> tuple[slice, slice]:
        """Return slices of a plane that hold all drawn pixels within reach of (row, col), all in full-size px."""
        r, c, d = row * self.scale - self.row0, col * self.scale, reach * self.scale
        rows = slice(max(int(r - d), 0), max(min(int(r + d) + 2, self.height), 0))
        return rows, slice(max(int(c - d), 0), max(min(int(c + d) + 2, self.width), 0))

    def in_frame(self, plane: NDArray[np.generic]) -> NDArray[np.generic]:
        """Place a plane [height, width] in the whole stored frame [rows, cols] (stored_shape), zero elsewhere."""
        whole = np.zeros(stored_shape(self.scale), dtype=plane.dtype)
        whole[self.row0 : self.row0 + self.height, : self.width] = plane
        return whole


def stored_shape(scale: float) -> tuple[int, int]:
    """Return (rows, cols) of a stored image at this scale."""
    return round(FULL_HEIGHT * scale), round(FULL_WIDTH * scale)


def sample_bilinear(source: Plane, rows: Plane, cols: Plane, wrapped: bool = False) -> Plane:
    """Sample a plane at fractional positions, bilinear.

    Args:
        source: [H, W].
        rows: row positions [h, w] or [n], px of source; whole numbers are pixel centers.
        cols: column positions, same shape.
        wrapped: whether source repeats beyond its edges; else its edge pixels do.

    Returns:
        Values, in the shape of rows.
    """
    if rows.ndim == 1:
        shape = rows.size // LIST_WIDTH + 1, LIST_WIDTH  # OpenCV needs planes of less than 32768 rows and columns
        return sample_bilinear(source, np.resize(rows, shape), np.resize(cols, shape), wrapped).ravel()[: rows.size]
    rows, cols = np.ascontiguousarray(rows), np.ascontiguousarray(cols)
    border = cv2.BORDER_WRAP if wrapped else cv2.BORDER_REPLICATE
    out = cv2.remap(source, cols, rows, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(out, dtype=np.float32)


def smoothstep(x: NDArray[np.floating]) -> Plane:
    """Return 0 where x [...] <= 0, 1 where x >= 1, and a smooth cubic between: [...] float32."""
    t = np.clip(np.asarray(x, dtype=np.float32), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def sigmoid(x: NDArray[np.floating]) -> Plane:
    """Return the logistic function of x [...]: [...] float32 in (0, 1)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(np.asarray(x, dtype=np.float32), -60, 60))), dtype=np.float32)
