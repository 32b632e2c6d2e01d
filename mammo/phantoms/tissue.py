"""Normal tissue of a breast: fat, glands, the fibrous web, the pectoral muscle and the thinning towards the skin.

Brightness is presentation brightness from 0 (background) to 1 (white). Nothing here depends on a label.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.anatomy import CELL_PX, BreastShape, Composition, draw_composition, falloff
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.fibers import Fibers, draw_fibers
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.texture import power_law_pair, smooth_pair

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
