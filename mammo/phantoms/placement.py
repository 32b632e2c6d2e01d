"""Placement of lesions: on breast tissue, off skin and muscle, apart, and leaving room for context cues.

Independent of labels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import CELL_PX, BreastShape
from mammo.records import Floats

OUTLINE_REACH = 1.32
"""Largest distance of an outline from its center, radii."""

GAP_PX = 24.0
"""Smallest distance between two outlines, full-size px."""

MAX_SPREAD_PX = 900.0
"""Largest distance between the centers of two lesions of an image, full-size px."""

KEEPOUT_PX, RAMP_PX = 400.0, 80.0
"""Context cues are absent within KEEPOUT_PX of an outline and rise to full strength over RAMP_PX, full-size px."""

MIN_CUE_SHARE = 0.35
"""Wanted share of the breast with full context cues; if no draw reaches it, the best of ATTEMPTS draws is used."""

ATTEMPTS = 6
STRIDE = 10
"""Sites are chosen on a grid with cells of STRIDE * CELL_PX full-size px."""

Cells = NDArray[np.float32]


@dataclass(frozen=True)
class Site:
    """Center (row, col) and radius of a lesion, full-size px, in the right-facing frame."""

    row: float
    col: float
    radius: float


@dataclass(frozen=True, eq=False)
class PlacementGrid:
    """Cells of a coarse grid inside the breast.

    Attributes:
        rows: row of each cell's center [n], full-size px.
        cols: column of each cell's center [n], full-size px.
        slack: smallest distance [n] to skin, chest wall and muscle, less the margin of each, full-size px.
    """

    rows: Cells
    cols: Cells
    slack: Cells

    @classmethod
    def of(cls, shape: BreastShape) -> "PlacementGrid":
        """Return the cells of a breast."""
        depth = shape.skin_depth[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        rows = ((np.arange(depth.shape[0], dtype=np.float32) * STRIDE + STRIDE // 2 + 0.5) * CELL_PX)[:, None]
        cols = ((np.arange(depth.shape[1], dtype=np.float32) * STRIDE + STRIDE // 2 + 0.5) * CELL_PX)[None]
        slack = np.minimum(depth - 70, cols - 30)
        slack = np.minimum(np.minimum(slack, rows - 30), -shape.pectoral_depth(rows, cols) - 60)
        inside = depth > 0
        r, c = np.nonzero(inside)
        return cls(rows[r, 0], cols[0, c], np.asarray(slack[inside], dtype=np.float32))

    def distance(self, site: Site) -> Cells:
        """Return the distance [n] of each cell to a site's center, full-size px."""
        return np.asarray(np.hypot(self.rows - site.row, self.cols - site.col), dtype=np.float32)

    def cue_share(self, sites: list[Site]) -> float:
        """Return the share of cells far enough from every site to carry full context cues."""
        far = [self.distance(s) > OUTLINE_REACH * s.radius + KEEPOUT_PX + RAMP_PX for s in sites]
        return float(np.logical_and.reduce(far).mean())


def place_lesions(rng: np.random.Generator, shape: BreastShape, radii: Floats) -> list[Site]:
    """Draw sites for lesions of these radii [n], full-size px; a further lesion that fits nowhere is left out."""
    grid = PlacementGrid.of(shape)
    best: list[Site] = []
    best_share = -1.0
    for _ in range(ATTEMPTS):
        sites = _draw(rng, grid, radii)
        share = grid.cue_share(sites)
        if share > best_share:
            best, best_share = sites, share
        if share >= MIN_CUE_SHARE:
            break
    return best


def _draw(rng: np.random.Generator, grid: PlacementGrid, radii: Floats) -> list[Site]:
    sites: list[Site] = []
    for radius, u in zip(radii, rng.random((len(radii), 3)), strict=True):
        slack = grid.slack - OUTLINE_REACH * float(radius)
        for site in sites:
            apart = grid.distance(site)
            slack = np.minimum(slack, apart - OUTLINE_REACH * (site.radius + float(radius)) - GAP_PX)
            slack = np.minimum(slack, MAX_SPREAD_PX - apart)
        cells = np.flatnonzero(slack > 0)
        if cells.size == 0:
            if sites:
                continue
            cells = np.array([np.argmax(slack)])
        cell = cells[int(u[0] * cells.size)]
        jitter = (u[1:] - 0.5) * STRIDE * CELL_PX * (slack[cell] > STRIDE * CELL_PX)
        sites.append(Site(float(grid.rows[cell] + jitter[0]), float(grid.cols[cell] + jitter[1]), float(radius)))
    return sites
