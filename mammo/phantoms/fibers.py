"""Fibrous web of a breast: ligaments around lobules of fat, and ducts towards the nipple.

Lines lie where a smooth random field is 0. They bend with two slow fields and the power-law texture, fade where another
field is low, and have wavelengths from 30 to 7 mm, so that no line looks drawn. Finer fibrils, down to 2 mm, run
everywhere: they are the texture of fat, glands and muscle alike.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.anatomy import BreastShape
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.texture import line, polar_coordinates, smooth_pair

SLOW_PX, LOBES_PX, LOBULES_PX, CELLS_PX, DUCTS_PX = 900.0, 420.0, 210.0, 105.0, 240.0
"""Wavelengths of the fields, full-size px."""

FIBRILS_PX, FINEST_PX, TILE = 54.0, 27.0, (1408, 1152)
"""Wavelengths of the finest filaments, and their period (rows, cols) before other fields bend them; full-size px."""


@dataclass(frozen=True, eq=False)
class Fibers:
    """Fibrous web of one breast; every plane is [height, width].

    Attributes:
        slow: two fields of SLOW_PX, SD near 1.
        lobes: two fields of LOBES_PX.
        web: sum of soft creases of all wavelengths, mean near 0, SD near 1.
        lines: thin bright lines, 0 to about 0.5.
        fibrils: finest filaments, everywhere, mean near 0.2, SD near 1.
    """

    slow: tuple[Plane, Plane]
    lobes: tuple[Plane, Plane]
    web: Plane
    lines: Plane
    fibrils: Plane


def draw_fibers(key: Key, shape: BreastShape, canvas: Canvas, rough: tuple[Plane, Plane]) -> Fibers:
    """Draw the web of one image.

    Args:
        key: owner of the image's random numbers.
        shape: the breast's shape.
        canvas: where it is drawn.
        rough: the breast's power-law fields, each [height, width], which make lines uneven.
    """
    rng = key.rng(Purpose.STRUCTURE)
    slow, lobes, lobules, cells, ducts = (
        smooth_pair(rng, w) for w in (SLOW_PX, LOBES_PX, LOBULES_PX, CELLS_PX, DUCTS_PX)
    )
    fine, finest = (smooth_pair(rng, w, TILE) for w in (FIBRILS_PX, FINEST_PX))
    s0, s1 = slow[0].on(canvas), slow[1].on(canvas)
    rows, cols = canvas.rows + 60 * s0 + 14 * rough[1], canvas.cols + 60 * s1 + 14 * rough[0]
    a0, a1 = (field.at(rows, cols) for field in lobes)
    b0, b1 = (field.at(rows, cols) for field in lobules)
    rows, cols = rows + 20 * b0, cols + 20 * b1
    c0, c1 = (field.at(rows, cols) for field in cells)
    rows, cols = rows + 10 * c0, cols + 10 * c1
    f0, f1 = (field.at(rows, cols) for field in fine)
    g0, g1 = finest[0].at(rows, cols), finest[1].at(rows + 5 * f0, cols + 5 * f1)
    fibrils = _ridge(c1) + 0.75 * (_ridge(f0) + _ridge(f1)) + 0.4 * (_ridge(g0) + _ridge(g1))
    angle, radius = polar_coordinates(canvas, shape.nipple_row, shape.depth + 60)
    along, around = (
        np.float32(0.35) * radius,
        1100 * (angle + np.float32(0.12) * s0 + np.float32(0.05) * a0) + 10 * rough[1],
    )
    d0 = ducts[0].at(around, along + 30 * b0 + 10 * rough[1])
    d1 = ducts[1].at(np.float32(1.6) * around, np.float32(1.3) * along - 30 * b0 + 10 * rough[0])
    web = 0.8 * _crease(a0) + 0.75 * _crease(b0) + 0.40 * c0 + 0.6 * _crease(d0) + 0.45 * _crease(d1)
    web = web - np.float32(1.25)
    where = sigmoid(1.6 * s1 + 1.2 * a1) + np.float32(0.15)
    lines = 0.20 * line(a0, 0.13) * sigmoid(2.5 * b1 - 1) + 0.16 * line(b0, 0.17) * sigmoid(2.5 * a1 - 0.6)
    spread = smoothstep((radius - 60) / 500)  # ducts are too close together to be distinct at the nipple
    lines = lines + 0.15 * line(d0, 0.16) * sigmoid(2.5 * b1 - 0.5) * spread
    lines = lines + 0.12 * line(d1, 0.18) * sigmoid(-2.5 * b1 - 0.5) * spread
    lines = (lines + 0.10 * line(c0, 0.22) * sigmoid(2 * b0)) * where
    web, lines, fibrils = (np.asarray(plane, dtype=np.float32) for plane in (web, lines, fibrils / 0.45))
    return Fibers((s0, s1), (a0, a1), web, lines, fibrils)


def _crease(field: Plane) -> Plane:
    """Return about 1 along the zeros of a field, rounded there, falling to -0.5 far from them."""
    height = np.sqrt(np.float32(1.2) * field * field + np.float32(0.06))
    return np.asarray(np.float32(1.2) - np.minimum(height, np.float32(1.7)), dtype=np.float32)


def _ridge(field: Plane) -> Plane:
    """Return a soft ridge along the zeros of a field, mean near 0, SD near 0.3."""
    return line(field, 0.4) - np.float32(0.37)
