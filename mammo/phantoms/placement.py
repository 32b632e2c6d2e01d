"""Where lesions may lie: on breast tissue, off the skin and the muscle, apart, and leaving room for context.

Nothing here knows a label.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import CELL_PX, Shape

REACH = 1.32
"""An outline reaches at most this many radii from its centre."""

GAP_PX = 24.0
"""Least distance between two outlines, full-size px."""

TOGETHER_PX = 900.0
"""Further lesions lie within this distance of the first."""

KEEPOUT_PX, RAMP_PX = 400.0, 80.0
"""Context cues are absent within KEEPOUT_PX of an outline and whole from RAMP_PX further on, full-size px."""

ROOM = 0.35
"""Share of the breast that should keep its context cues; the best of TRIES draws is taken if none has it."""

TRIES = 6
STRIDE = 10
"""Sites are chosen on a grid of STRIDE * CELL_PX full-size pixels."""

Cells = NDArray[np.float32]


@dataclass(frozen=True)
class Site:
    """Centre (row, col) and radius of a lesion, full-size px, in the right-facing frame."""

    row: float
    col: float
    radius: float


@dataclass(frozen=True, eq=False)
class Ground:
    """The breast on a coarse grid.

    Attributes:
        rows: row of each cell's centre [n], full-size px; only cells inside the breast are listed.
        cols: its column [n].
        slack: least distance [n] to skin, chest wall and muscle, less the margin each needs.
    """

    rows: Cells
    cols: Cells
    slack: Cells

    @classmethod
    def of(cls, shape: Shape) -> "Ground":
        """The breast's cells."""
        depth = shape.skin_depth[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        rows = ((np.arange(depth.shape[0], dtype=np.float32) * STRIDE + STRIDE // 2 + 0.5) * CELL_PX)[:, None]
        cols = ((np.arange(depth.shape[1], dtype=np.float32) * STRIDE + STRIDE // 2 + 0.5) * CELL_PX)[None]
        slack = np.minimum(depth - 70, cols - 30)
        slack = np.minimum(np.minimum(slack, rows - 30), -shape.pectoral_depth(rows, cols) - 60)
        inside = depth > 0
        r, c = np.nonzero(inside)
        return cls(rows[r, 0], cols[0, c], np.asarray(slack[inside], dtype=np.float32))

    def distance(self, site: Site) -> Cells:
        """Distance of each cell to a site's centre."""
        return np.asarray(np.hypot(self.rows - site.row, self.cols - site.col), dtype=np.float32)

    def room(self, sites: list[Site]) -> float:
        """Share of cells far enough from every site to carry full context cues."""
        far = [self.distance(s) > REACH * s.radius + KEEPOUT_PX + RAMP_PX for s in sites]
        return float(np.logical_and.reduce(far).mean())


def place(rng: np.random.Generator, shape: Shape, radii: NDArray[np.float64]) -> list[Site]:
    """Sites for lesions of these radii, full-size px; a further lesion that fits nowhere is left out."""
    ground = Ground.of(shape)
    best: list[Site] = []
    most = -1.0
    for _ in range(TRIES):
        sites = _draw(rng, ground, radii)
        room = ground.room(sites)
        if room > most:
            best, most = sites, room
        if room >= ROOM:
            break
    return best


def _draw(rng: np.random.Generator, ground: Ground, radii: NDArray[np.float64]) -> list[Site]:
    sites: list[Site] = []
    for radius, u in zip(radii, rng.random((len(radii), 3)), strict=True):
        slack = ground.slack - REACH * float(radius)
        for site in sites:
            apart = ground.distance(site)
            slack = np.minimum(slack, apart - REACH * (site.radius + float(radius)) - GAP_PX)
            slack = np.minimum(slack, TOGETHER_PX - apart)
        cells = np.flatnonzero(slack > 0)
        if cells.size == 0:
            if sites:
                continue
            cells = np.array([np.argmax(slack)])
        cell = cells[int(u[0] * cells.size)]
        jitter = (u[1:] - 0.5) * STRIDE * CELL_PX * (slack[cell] > STRIDE * CELL_PX)
        sites.append(Site(float(ground.rows[cell] + jitter[0]), float(ground.cols[cell] + jitter[1]), float(radius)))
    return sites
