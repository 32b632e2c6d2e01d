"""Outer shape of one breast in one view: skin, nipple and pectoral muscle, in full-size pixels.

In CC the breast is a rounded cone on the chest wall that tapers towards the armpit above. In MLO it hangs from the
axilla, which the top edge of the image cuts, ends in the inframammary fold, and shows the pectoral muscle in the upper
corner at the chest wall. Size is drawn per patient, with small differences between breasts and views; so is the
composition, the amounts of fat, fibers and glands.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from mammo.phantoms.canvas import FULL_HEIGHT, Canvas, Plane, smoothstep
from mammo.phantoms.spec import Key, Purpose
from mammo.records import View

CELL_PX = 4
"""Cell size of the grid on which distances are computed, full-size px: one grid for all scales."""

FAR = np.float32(1e4)

SOFT_PX = 130.0
"""Width of the transition between the breast and the skin beyond it, full-size px."""

SKIN_PX = 36.0
"""Apparent thickness of the skin, seen along its curve, full-size px (3 mm)."""

SKIN_BRIGHTNESS = 0.40
"""Brightness that skin adds."""


@dataclass(frozen=True)
class Tail:
    """Skin above or below the breast proper, a band along the chest wall: axilla, or abdomen under the fold.

    Attributes:
        column: column of the skin at the row where the breast proper ends, full-size px; can be below 0.
        slope: decrease of that column per row away from the nipple.
    """

    column: float
    slope: float


@dataclass(frozen=True)
class BreastShape:
    """Shape of one breast in one view; lengths in full-size px.

    Attributes:
        nipple_row: row of the nipple.
        up: extent of the breast above the nipple row.
        down: extent of the breast below the nipple row.
        depth: distance from the chest wall to the skin at the nipple row.
        bluntness: exponents of the outline above and below the nipple: 2 is a parabola, more is blunter.
        fullness: exponent of the columns: 1 is a parabola, 2 an ellipse.
        nipple: height of the nipple above the skin.
        tails: skin above and below the breast proper.
        pectoral: column at the top edge, row at the chest wall, and bow of the muscle's edge; None in CC.
    """

    nipple_row: float
    up: float
    down: float
    depth: float
    bluntness: tuple[float, float]
    fullness: float
    nipple: float
    tails: tuple[Tail, Tail]
    pectoral: tuple[float, float, float] | None

    @cached_property
    def nipple_tip(self) -> tuple[float, float]:
        """Tip of the nipple (row, col), full-size px."""
        return self.nipple_row, float(self.edge(np.array([self.nipple_row], dtype=np.float32))[0])

    @property
    def top(self) -> float:
        """First row of the breast."""
        return float(self._breast_rows[0])

    @property
    def bottom(self) -> float:
        """Row after the last one of the breast."""
        return float(self._breast_rows[-1]) + CELL_PX

    @cached_property
    def _breast_rows(self) -> Plane:
        rows = np.arange(0, FULL_HEIGHT, CELL_PX, dtype=np.float32)
        return np.asarray(rows[self.edge(rows + CELL_PX / 2) > 0], dtype=np.float32)

    def canvas(self, scale: float) -> Canvas:
        """Return the smallest canvas over the breast and its nipple at this scale."""
        return Canvas.covering(scale, self.top, self.bottom, self.depth + 90)

    def edge(self, rows: Plane) -> Plane:
        """Return the column of the skin at each row [n] or [n, 1], full-size px; <= 0 outside the breast."""
        offset = rows - np.float32(self.nipple_row)
        high = offset < 0
        u = np.abs(offset) / np.where(high, np.float32(self.up), np.float32(self.down))
        blunt = np.where(high, np.float32(self.bluntness[0]), np.float32(self.bluntness[1]))
        column = self.depth * (np.clip(1 - u**blunt, 0, None) ** (1 / self.fullness) - 1.8 * np.clip(u - 1, 0, None))
        for tail, away, extent in zip(self.tails, (-offset, offset), (self.up, self.down), strict=True):
            strip = tail.column - tail.slope * (away - extent)
            strip = strip - self.depth * np.clip(1 - away / (0.6 * extent), 0, None) ** 2
            column = np.maximum(column, strip) + SOFT_PX * np.log1p(np.exp(-np.abs(column - strip) / SOFT_PX))
        nipple = self.nipple * np.exp(-((np.abs(offset) / 62) ** 2.6))
        return np.asarray(column + nipple - 30, dtype=np.float32)

    def pectoral_depth(self, rows: Plane, cols: Plane) -> Plane:
        """Return the signed distance into the pectoral muscle, full-size px: positive inside, -FAR in CC.

        Args:
            rows: rows of the pixels [h, 1] or [h, w], full-size px.
            cols: their columns [1, w] or [h, w], full-size px.

        Returns:
            [h, w].
        """
        if self.pectoral is None:
            return np.full(np.broadcast_shapes(rows.shape, cols.shape), -FAR, dtype=np.float32)
        col, row, bow = self.pectoral
        t = rows / np.float32(row)
        border = col * (1 - t) + 4 * bow * t * (1 - t)
        return np.asarray((border - cols) * (row / np.hypot(row, col)), dtype=np.float32)

    @cached_property
    def skin_depth(self) -> Plane:
        """Distance below the skin [rows, cols] on a grid of CELL_PX cells, full-size px; 0 outside the breast.

        The chest wall and the top edge of the image are cuts, not skin.
        """
        width = int(np.ceil((self.depth + 90) / CELL_PX)) + 2
        rows = (np.arange(FULL_HEIGHT // CELL_PX, dtype=np.float32)[:, None] + 0.5) * CELL_PX
        cols = (np.arange(width, dtype=np.float32)[None] + 0.5) * CELL_PX
        inside = (cols < self.edge(rows)).astype(np.uint8)
        distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)  # ignores the edges of the array
        return np.asarray(distance * np.float32(CELL_PX), dtype=np.float32)


def draw_shape(key: Key) -> BreastShape:
    """Draw the shape of one image's breast: the patient's size, with small differences of breast and view."""
    size, droop, nipple = Key(key.seed, key.patient).rng(Purpose.SHAPE).standard_normal(3)
    breast = Key(key.seed, key.patient, key.laterality).rng(Purpose.SHAPE).standard_normal(3)
    rng = key.rng(Purpose.SHAPE)
    jitter, u = rng.standard_normal(4), rng.random(9)
    depth = float(np.clip(1040 + 170 * size + 45 * breast[0] + 32 * jitter[0], 850, 1620))
    half = float(np.clip(950 + 0.42 * (depth - 1040) + 45 * breast[1] + 40 * jitter[1], 850, 1220))
    height = float(np.clip(26 + 14 * nipple + 8 * breast[2] + 12 * jitter[3], 0, 60))
    fullness = 1.0 + 0.3 * u[0]
    if key.view is View.CC:
        lean = 1 + 0.06 * jitter[2]
        tails = Tail(depth * (0.24 * u[1] - 0.10), 0.55 + 0.3 * u[2]), Tail(depth * (0.12 * u[3] - 0.16), 0.4)
        row = 1664 + 60 * float(np.clip(jitter[3], -1, 1))
        bluntness = 1.75 + 0.45 * u[4], 2.0 + 0.6 * u[5]
        return BreastShape(row, half * lean, half * (2 - lean), depth, bluntness, fullness, height, tails, None)
    row = float(np.clip(1930 + 80 * droop + 40 * jitter[2], 1720, 2080))
    down = min(half * (0.66 + 0.16 * u[4]), 2620 - row)
    skin = depth * (0.78 + 0.24 * u[1])
    tails = Tail(skin, -0.10 + 0.16 * u[2]), Tail(depth * (0.20 * u[3] - 0.04), 0.6 + 0.4 * u[5])
    pectoral = (skin * (0.66 + 0.22 * u[6]), row * (0.72 + 0.33 * u[7]), 20 + 130 * u[8])
    bluntness = 2.0 + 0.5 * u[7], 1.8 + 0.7 * u[8]
    return BreastShape(row, half * 1.2, down, depth, bluntness, fullness, height, tails, pectoral)


def skin_line(depth: Plane, thickness: float) -> Plane:
    """Return the brightness that skin adds.

    Args:
        depth: distance below the surface [height, width], full-size px; 0 outside the breast.
        thickness: of the skin, full-size px.

    Returns:
        [height, width]; 0 outside the breast.
    """
    line = smoothstep((np.float32(thickness + 40) - depth) / 64) * _onset(depth)
    return np.asarray(np.float32(SKIN_BRIGHTNESS) * line, dtype=np.float32)


def falloff(depth: Plane) -> Plane:
    """Return the brightness factor [height, width] for the thinning of the compressed breast towards the skin.

    Args:
        depth: distance below the surface [height, width], full-size px; 0 outside the breast, where the factor is 0.
            From about 15 mm on the factor is 1.
    """
    return (np.float32(0.78) + np.float32(0.22) * smoothstep(depth / 200)) * _onset(depth)


def _onset(depth: Plane) -> Plane:
    """Return 0 outside the breast, rising to 1 within 2 mm below the surface [height, width]."""
    return smoothstep(depth / 22)


DENSITY_SHARES = (0.1, 0.4, 0.4, 0.1)
"""Shares of breasts with density A, B, C and D."""

DENSITY_OFFSETS = (-1.4, -0.05, 0.85, 1.6)
"""Offset of each density in the field whose logistic function is the share of glands."""


@dataclass(frozen=True)
class Composition:
    """Composition of one breast in one view; lengths in full-size px.

    Attributes:
        glands: offset of the glandular field due to density.
        subcutaneous: thickness of the fat under the skin.
        retromammary: thickness of the fat before the chest wall or the muscle.
        spread: half-height of the glandular body as a share of the breast's.
        web: strength of ligaments and ducts, about 1.
        slope: exponent of the power spectrum of the finest texture.
    """

    glands: float
    subcutaneous: float
    retromammary: float
    spread: float
    web: float
    slope: float


def draw_composition(key: Key, density: int) -> Composition:
    """Draw the composition: mostly the patient's, with small differences of breast and image.

    Args:
        key: owner of the image's random numbers.
        density: 0 to 3 for A to D.
    """
    owners = Key(key.seed, key.patient), Key(key.seed, key.patient, key.laterality), key
    own = [owner.rng(Purpose.COMPOSITION).standard_normal(6) for owner in owners]
    x = np.clip(0.85 * own[0] + 0.42 * own[1] + 0.32 * own[2], -2.2, 2.2)
    return Composition(
        glands=DENSITY_OFFSETS[density] + 0.2 * float(x[0]),
        subcutaneous=175 + 32 * float(x[1]),
        retromammary=260 + 100 * float(x[2]),
        spread=0.75 + 0.07 * float(x[3]),
        web=1 + 0.14 * float(x[4]),
        slope=2.85 + 0.08 * float(x[5]),
    )
