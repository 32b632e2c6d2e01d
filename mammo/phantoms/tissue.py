"""Normal tissue of a breast: fat, glands, the fibrous web, the pectoral muscle and the thinning towards the skin.

Brightness is presentation brightness from 0 (background) to 1 (white). Nothing here depends on a label.

The fibrous web consists of ligaments around lobules of fat, and ducts towards the nipple. Its lines lie where a smooth
random field is 0. They bend with two slow fields and the power-law texture, fade where another field is low, and have
wavelengths from 30 to 7 mm, so that no line looks drawn. Finer fibrils, down to 2 mm, run everywhere: they are the
texture of fat, glands and muscle alike.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.anatomy import CELL_PX, BreastShape, Composition, draw_composition, falloff
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.spec import Key, Purpose
from mammo.phantoms.texture import line, polar_coordinates, power_law_pair, smooth_pair

FAT, GLAND = 0.175, 0.51
"""Brightness of fat and of glands."""

STEEPNESS = 2.0
"""Steepness of the transition from fat to glands."""

MUSCLE = 0.38
"""Brightness of the pectoral muscle."""

MUSCLE_EDGE_PX = 90.0
"""Width of the muscle's soft edge, full-size px (6 mm)."""

FINEST_SCALE = 0.5
"""Largest scale at which tissue is drawn; finer images enlarge it, as anatomy has no finer detail."""

SLOW_PX, LOBES_PX, LOBULES_PX, CELLS_PX, DUCTS_PX = 900.0, 420.0, 210.0, 105.0, 240.0
"""Wavelengths of the fields of the fibrous web, full-size px."""

FIBRILS_PX, FINEST_PX, TILE = 54.0, 27.0, (1408, 1152)
"""Wavelengths of its finest filaments, and their period (rows, cols) before other fields bend them; full-size px."""


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


@dataclass(frozen=True, eq=False)
class Tissue:
    """One drawn breast without findings.

    Attributes:
        canvas: where it is drawn.
        brightness: brightness [height, width] before the falloff towards the skin.
        skin_depth: distance below the skin [height, width], full-size px; 0 outside.
        falloff: brightness factor [height, width] for the thinning towards the skin; 0 outside.
        skin_factor: factor [height, width] on the brightness of the skin, about 1.
    """

    canvas: Canvas
    brightness: Plane
    skin_depth: Plane
    falloff: Plane
    skin_factor: Plane


def draw_tissue(key: Key, shape: BreastShape, density: int, scale: float) -> Tissue:
    """Draw the normal tissue of one breast; density is 0 to 3 for A to D."""
    canvas = shape.canvas(scale)
    drawn = canvas if scale <= FINEST_SCALE else shape.canvas(FINEST_SCALE)
    value, skin_factor = _draw(key, shape, density, drawn)
    if drawn is not canvas:
        value, skin_factor = canvas.enlarged(value, drawn), canvas.enlarged(skin_factor, drawn)
    depth = canvas.sample_grid(shape.skin_depth, CELL_PX)
    return Tissue(canvas, value, depth, falloff(depth), skin_factor)


def _draw(key: Key, shape: BreastShape, density: int, canvas: Canvas) -> tuple[Plane, Plane]:
    """Return the brightness of the tissue and the factor on the skin's brightness, each [height, width]."""
    composition = draw_composition(key, density)
    depth = canvas.sample_grid(shape.skin_depth, CELL_PX)
    rough = power_law_pair(key, canvas, composition.slope)
    fibers = draw_fibers(key, shape, canvas, rough)
    gland = _gland_share(composition, shape, canvas, depth, fibers, rough)
    web = np.float32(0.05 * composition.web) * fibers.web
    value = FAT + web * (np.float32(0.6) + gland) + gland * np.float32(GLAND - FAT)
    value = value + 0.042 * rough[1] + 0.033 * fibers.fibrils
    lines = np.float32(0.75 * composition.web) * fibers.lines * smoothstep((depth - 15) / 60)
    value = value + lines * (1 - np.float32(0.35) * gland)
    value = _add_pectoral_muscle(key, shape, canvas, value, fibers, rough)
    skin_factor = 1 + np.float32(0.35) * fibers.slow[0] + np.float32(0.2) * fibers.lobes[0]
    behind = ((canvas.rows - shape.nipple_row) / 70) ** 2 + ((canvas.cols - shape.depth - 10) / 80) ** 2
    value = np.clip(value + 0.12 * np.exp(-behind), 0.04, None)
    return np.asarray(value, dtype=np.float32), np.clip(skin_factor, 0.4, None)


def _gland_share(
    composition: Composition,
    shape: BreastShape,
    canvas: Canvas,
    skin_depth: Plane,
    fibers: Fibers,
    rough: tuple[Plane, Plane],
) -> Plane:
    """Return the share of glandular tissue [height, width], 0 to 1.

    Glands fill a body behind the nipple, frayed by the web, with fat under the skin and before the chest wall.
    """
    slow, lobes = fibers.slow, fibers.lobes
    fat = composition.subcutaneous * (1 + 0.35 * slow[1]) + 90 * np.clip(lobes[1], -1, 1)
    under_skin = 1 - smoothstep(skin_depth / np.clip(fat, 60, None) / np.float32(1.1) - np.float32(0.45))
    if shape.pectoral is None:
        wall = smoothstep((canvas.cols - composition.retromammary * (1 + 0.5 * slow[0]) - 150 * lobes[0]) / 400)
    else:
        before_muscle = -shape.pectoral_depth(canvas.rows, canvas.cols)
        wall = smoothstep((before_muscle - composition.retromammary + 230 + 120 * lobes[0]) / 350)
        wall = wall * smoothstep((canvas.cols + 100 * lobes[0]) / 250)
    down = canvas.rows - np.float32(shape.nipple_row)
    down = down / np.where(down < 0, np.float32(shape.up), np.float32(shape.down)) + np.float32(0.1) * slow[0]
    body = 1 - np.clip(np.abs(down) / np.float32(composition.spread), 0, 2) ** 2
    field = 0.70 * rough[0] + 0.38 * fibers.web + 0.9 * body + np.float32(composition.glands - 0.4)
    return sigmoid(STEEPNESS * (field - 4.5 * under_skin - 1.6 * (1 - wall)))


def _add_pectoral_muscle(
    key: Key, shape: BreastShape, canvas: Canvas, value: Plane, fibers: Fibers, rough: tuple[Plane, Plane]
) -> Plane:
    """Return the brightness [height, width] with the pectoral muscle over it; unchanged in CC.

    The muscle is a wedge with a soft edge, fibers along the edge and a deeper layer.
    """
    if shape.pectoral is None:
        return value
    rng = key.rng(Purpose.MUSCLE)
    deeper, shade = rng.uniform(200, 520), rng.uniform(-0.03, 0.07)
    strips, bands = smooth_pair(rng, 120)[0], smooth_pair(rng, 420)[0]
    depth = shape.pectoral_depth(canvas.rows, canvas.cols) + 14 * fibers.lobes[0]
    cover = smoothstep(depth / MUSCLE_EDGE_PX + np.float32(0.5))
    at = _corner(cover)
    depth, uneven = depth[at], rough[1][at]
    along = np.float32(0.12) * (canvas.rows[at[0]] + canvas.cols[:, at[1]])
    strip, band = strips.at(depth + 14 * uneven, along), bands.at(depth + 20 * uneven, along)
    layer = smoothstep((depth - np.float32(deeper) - 80 * fibers.slow[0][at]) / 60)
    texture = 0.028 * fibers.web[at] + 0.05 * uneven + 0.035 * fibers.fibrils[at]
    muscle = MUSCLE + shade + 0.06 * layer + 0.025 * strip + 0.03 * band + texture
    through = np.float32(0.84) * cover[at]
    covered = np.array(value, dtype=np.float32)
    covered[at] += through * (muscle + np.float32(0.4) * fibers.lines[at] - value[at])
    return covered


def _corner(cover: Plane) -> tuple[slice, slice]:
    """Return slices of the rows and columns that the muscle covers."""
    rows, cols = (np.flatnonzero(cover.any(axis=axis)) for axis in (1, 0))
    return slice(0, int(rows.max(initial=-1)) + 1), slice(0, int(cols.max(initial=-1)) + 1)


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
