"""Sites of lesions: on breast tissue, off skin and muscle, apart, with room for context cues, independent of labels.

A finding of two views has one position in three dimensions: its distance to the nipple, which compression hardly
changes, and one direction in each view.
"""

from collections.abc import Sequence
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

NIPPLE_ERROR_PX = 70.0
"""SD of the difference between the distances of a finding to the nipple in its two views, full-size px (5 mm).

Differences are cut at 2 SD, to which the size of a grid cell is added.
"""

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

    def distance(self, row: float, col: float) -> Cells:
        """Return the distance [n] of each cell to a point, full-size px."""
        return np.asarray(np.hypot(self.rows - row, self.cols - col), dtype=np.float32)

    def cue_share(self, sites: Sequence[Site]) -> float:
        """Return the share of cells far enough from every site to carry full context cues."""
        far = [self.distance(s.row, s.col) > OUTLINE_REACH * s.radius + KEEPOUT_PX + RAMP_PX for s in sites]
        return float(np.logical_and.reduce(far).mean())

    def free(self, radius: float, sites: Sequence[Site]) -> Cells:
        """Return the room [n] for a lesion of this radius at each cell, full-size px; it fits where that is above 0."""
        slack = self.slack - OUTLINE_REACH * radius
        for site in sites:
            apart = self.distance(site.row, site.col)
            slack = np.minimum(slack, apart - OUTLINE_REACH * (site.radius + radius) - GAP_PX)
            slack = np.minimum(slack, MAX_SPREAD_PX - apart)
        return slack

    def draw(self, u: Floats, cells: NDArray[np.int_], slack: Cells, radius: float) -> Site:
        """Return a site in one of these cells [n], moved within it where there is room; u: [3], numbers in [0, 1)."""
        cell = cells[int(u[0] * cells.size)]
        jitter = (u[1:] - 0.5) * STRIDE * CELL_PX * (slack[cell] > STRIDE * CELL_PX)
        return Site(float(self.rows[cell] + jitter[0]), float(self.cols[cell] + jitter[1]), radius)


def place_lesions(rng: np.random.Generator, shape: BreastShape, radii: Floats) -> list[Site]:
    """Draw sites for lesions of these radii [n], full-size px; a further lesion that fits nowhere is left out."""
    grid = PlacementGrid.of(shape)
    best: list[Site] = []
    best_share = -1.0
    for _ in range(ATTEMPTS):
        sites = _draw_sites(rng, grid, radii)
        share = grid.cue_share(sites)
        if share > best_share:
            best, best_share = sites, share
        if share >= MIN_CUE_SHARE:
            break
    return best


def _draw_sites(rng: np.random.Generator, grid: PlacementGrid, radii: Floats) -> list[Site]:
    sites: list[Site] = []
    for radius, u in zip(radii, rng.random((len(radii), 3)), strict=True):
        slack = grid.free(float(radius), sites)
        cells = np.flatnonzero(slack > 0)
        if cells.size == 0:
            if sites:
                continue
            cells = np.array([np.argmax(slack)])
        sites.append(grid.draw(u, cells, slack, float(radius)))
    return sites


def place_again(
    rng: np.random.Generator, sites: Sequence[Site], shape: BreastShape, other: BreastShape
) -> list[Site | None]:
    """Draw sites of the same findings in the other view of the breast, at nearly the same distances to the nipple.

    Args:
        rng: source of random numbers.
        sites: of the findings in one view.
        shape: of the breast in that view.
        other: its shape in the other view.

    Returns:
        The sites in the other view, in the same order; None for a finding that fits nowhere on its arc.
    """
    row, col = shape.nipple_tip
    error = NIPPLE_ERROR_PX * np.clip(rng.standard_normal(len(sites)), -2, 2)
    distances = np.hypot([site.row - row for site in sites], [site.col - col for site in sites]) + error
    grid = PlacementGrid.of(other)
    away = grid.distance(*other.nipple_tip)
    near = [np.abs(away - distance) <= STRIDE * CELL_PX / 2 for distance in distances]
    best: list[Site | None] = []
    best_rank = (-1, -1.0)
    for _ in range(ATTEMPTS):
        drawn = _draw_on_arcs(rng, grid, [site.radius for site in sites], near)
        placed = [site for site in drawn if site]
        rank = len(placed), grid.cue_share(placed) if placed else 0.0
        if rank > best_rank:
            best, best_rank = drawn, rank
        if rank >= (len(sites), MIN_CUE_SHARE):
            break
    return best


def _draw_on_arcs(
    rng: np.random.Generator, grid: PlacementGrid, radii: Sequence[float], near: Sequence[NDArray[np.bool_]]
) -> list[Site | None]:
    """Draw a site for each radius among the cells [n] of its arc, None where no cell is free."""
    sites: list[Site | None] = []
    for radius, arc, u in zip(radii, near, rng.random((len(radii), 3)), strict=True):
        slack = grid.free(radius, [site for site in sites if site])
        cells = np.flatnonzero((slack > 0) & arc)
        sites.append(grid.draw(u, cells, slack, radius) if cells.size else None)
    return sites
