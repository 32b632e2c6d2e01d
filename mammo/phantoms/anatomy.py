"""The outer form of one breast in one view: skin, nipple and pectoral muscle, in full-size pixels.

CC is a half oval on the chest wall; MLO hangs from the axilla, which the top edge of the image cuts, and shows the
pectoral muscle in the upper corner at the chest wall.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from mammo.phantoms.canvas import FULL_HEIGHT, Canvas, Plane
from mammo.phantoms.randomness import Key, Purpose
from mammo.records import View

CELL_PX = 4
"""Distances are computed once on a grid of this many full-size pixels, so that they agree at every scale."""

FAR = np.float32(1e4)


@dataclass(frozen=True)
class Shape:
    """One view of one breast; lengths in full-size px.

    Attributes:
        nipple_row: row of the nipple.
        up: extent of the oval above the nipple row.
        down: extent below it.
        depth: from the chest wall to the skin at the nipple row.
        fullness: exponents (rows, columns) of the oval; 2 is an ellipse, more is boxier.
        axilla: skin column at the top edge and its outward slope per row; None in CC.
        pectoral: column at the top edge, row at the chest wall, bow of the muscle's edge; None in CC.
    """

    nipple_row: float
    up: float
    down: float
    depth: float
    fullness: tuple[float, float]
    axilla: tuple[float, float] | None
    pectoral: tuple[float, float, float] | None

    @property
    def top(self) -> float:
        """First row with breast."""
        return 0.0 if self.axilla else self.nipple_row - self.up

    @property
    def bottom(self) -> float:
        """Last row with breast."""
        return self.nipple_row + self.down

    def canvas(self, scale: float) -> Canvas:
        """The canvas that just covers the breast and its nipple."""
        return Canvas.covering(scale, self.top, self.bottom, self.depth + 90)

    def edge(self, rows: Plane) -> Plane:
        """Column of the skin at each row; 0 or less where there is no breast."""
        offset = rows - np.float32(self.nipple_row)
        u = np.abs(offset) / np.where(offset < 0, np.float32(self.up), np.float32(self.down))
        p, q = self.fullness
        bulge = np.where((offset > 0) & (self.axilla is not None), np.float32(p - 0.4), np.float32(p))
        column = self.depth * np.clip(1 - u**bulge, 0, None) ** (1 / q) - FAR * (u >= 1)
        if self.axilla:
            strip = self.axilla[0] + self.axilla[1] * rows - FAR * np.clip(offset / 400, 0, None)
            column = np.maximum(column, strip) + 110 * np.log1p(np.exp(-np.abs(column - strip) / 110))
        nipple = 44 * np.exp(-((offset / 52) ** 4))
        return np.asarray(column + nipple, dtype=np.float32)

    def pectoral_depth(self, rows: Plane, cols: Plane) -> Plane:
        """Signed distance into the pectoral muscle [rows, cols]: positive inside, far negative in CC."""
        if self.pectoral is None:
            return np.full(np.broadcast_shapes(rows.shape, cols.shape), -FAR, dtype=np.float32)
        col, row, bow = self.pectoral
        t = rows / np.float32(row)
        border = col * (1 - t) + 4 * bow * t * (1 - t)
        return np.asarray((border - cols) * (row / np.hypot(row, col)), dtype=np.float32)

    @cached_property
    def skin_depth(self) -> Plane:
        """Distance below the skin on the grid of CELL_PX cells over the whole frame: 0 outside the breast.

        The chest wall and the top edge of the image are cuts, not skin.
        """
        width = int(np.ceil((self.depth + 90) / CELL_PX)) + 2
        rows = (np.arange(FULL_HEIGHT // CELL_PX, dtype=np.float32)[:, None] + 0.5) * CELL_PX
        cols = (np.arange(width, dtype=np.float32)[None] + 0.5) * CELL_PX
        inside = (cols < self.edge(rows)).astype(np.uint8)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)  # the array's own edges are no skin
        return np.asarray(distance * np.float32(CELL_PX), dtype=np.float32)


def draw_shape(key: Key) -> Shape:
    """The form of one image's breast: size from the breast's own stream, details from the image's."""
    size, droop = Key(key.seed, key.patient, key.laterality).rng(Purpose.SHAPE).standard_normal(2)
    rng = key.rng(Purpose.SHAPE)
    jitter = rng.standard_normal(4)
    u = rng.random(8)
    depth = float(np.clip(1400 + 170 * size + 40 * jitter[0], 1080, 1740))
    half = float(np.clip(1180 + 110 * size + 40 * jitter[1], 960, 1400))
    fullness = (2.0 + 0.5 * u[0], 1.75 + 0.45 * u[1])
    if key.view is View.CC:
        lean = 1 + 0.06 * jitter[2]
        row = 1664 + 60 * float(np.clip(jitter[3], -1, 1))
        return Shape(row, half * lean, half * (2 - lean), depth, fullness, None, None)
    row = float(np.clip(1850 + 90 * droop + 40 * jitter[2], 1650, 2000))
    skin = depth * (0.70 + 0.22 * u[2])
    axilla = (skin, -0.06 + 0.09 * u[3])
    pectoral = (skin * (0.62 + 0.2 * u[4]), 1250 + 550 * u[5], -20 + 110 * u[6])
    down = min(half * (0.74 + 0.16 * u[7]), 2880 - row)
    return Shape(row, half * 1.1, down, depth, fullness, axilla, pectoral)
