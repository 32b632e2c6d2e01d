"""What fills a breast: fat, glands, the fibrous web, the pectoral muscle, the skin over it.

Brightness is presentation brightness from 0 (background) to 1 (white). Everything here is independent of every label.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.anatomy import CELL_PX, Shape, falloff
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.composition import Build, draw_build
from mammo.phantoms.fibers import Fibres, draw_fibres
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.texture import power_law_pair, smooth_pair

FAT, GLAND = 0.175, 0.51
"""Brightness of fat and of glands."""

FINEST_SCALE = 0.5
"""Tissue is drawn up to this scale and enlarged beyond it: anatomy has nothing that a finer image would show."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """One drawn breast without findings.

    Attributes:
        canvas: where it is drawn.
        value: brightness [height, width] before the fall-off towards the skin.
        skin_depth: distance below the skin [height, width], full-size px; 0 outside.
        falloff: factor [height, width] for the thinning towards the skin, 0 outside.
        skin_light: factor [height, width] for the brightness of the skin, about 1.
    """

    canvas: Canvas
    value: Plane
    skin_depth: Plane
    falloff: Plane
    skin_light: Plane


def draw_tissue(key: Key, shape: Shape, density: int, scale: float) -> Tissue:
    """Fill one breast; density is 0 to 3 for A to D."""
    canvas = shape.canvas(scale)
    drawn = canvas if scale <= FINEST_SCALE else shape.canvas(FINEST_SCALE)
    value, light = _draw(key, shape, density, drawn)
    if drawn is not canvas:
        value, light = canvas.enlarged(value, drawn), canvas.enlarged(light, drawn)
    depth = canvas.sampled(shape.skin_depth, CELL_PX)
    return Tissue(canvas, value, depth, falloff(depth), light)


def _draw(key: Key, shape: Shape, density: int, canvas: Canvas) -> tuple[Plane, Plane]:
    """Brightness of the tissue, and the skin's factor, each [height, width]."""
    build = draw_build(key, density)
    depth = canvas.sampled(shape.skin_depth, CELL_PX)
    rough = power_law_pair(key, canvas, build.slope)
    fibres = draw_fibres(key, shape, canvas, rough)
    gland = gland_share(build, shape, canvas, depth, fibres, rough)
    web = np.float32(0.05 * build.web) * fibres.web
    value = FAT + web * (np.float32(0.6) + gland) + gland * np.float32(GLAND - FAT)
    value = value + 0.042 * rough[1] + 0.033 * fibres.fibrils
    lines = np.float32(0.75 * build.web) * fibres.lines * smoothstep((depth - 15) / 60)
    value = value + lines * (1 - np.float32(0.35) * gland)
    value = cover_with_muscle(key, shape, canvas, value, fibres, rough)
    light = 1 + np.float32(0.35) * fibres.slow[0] + np.float32(0.2) * fibres.lobes[0]
    behind = ((canvas.rows - shape.nipple_row) / 70) ** 2 + ((canvas.cols - shape.depth - 10) / 80) ** 2
    value = np.clip(value + 0.12 * np.exp(-behind), 0.04, None)
    return np.asarray(value, dtype=np.float32), np.clip(light, 0.4, None)


BLUR = 2.0
"""Steepness of the passage from fat to glands."""


def gland_share(
    build: Build, shape: Shape, canvas: Canvas, skin_depth: Plane, fibres: Fibres, rough: tuple[Plane, Plane]
) -> Plane:
    """Share of glandular tissue [height, width], 0 to 1."""
    slow, lobes = fibres.slow, fibres.lobes
    fat = build.subcutaneous * (1 + 0.35 * slow[1]) + 90 * np.clip(lobes[1], -1, 1)
    under_skin = 1 - smoothstep(skin_depth / np.clip(fat, 60, None) / np.float32(1.1) - np.float32(0.45))
    if shape.pectoral is None:
        wall = smoothstep((canvas.cols - build.retromammary * (1 + 0.5 * slow[0]) - 150 * lobes[0]) / 400)
    else:
        before_muscle = -shape.pectoral_depth(canvas.rows, canvas.cols)
        wall = smoothstep((before_muscle - build.retromammary + 230 + 120 * lobes[0]) / 350)
        wall = wall * smoothstep((canvas.cols + 100 * lobes[0]) / 250)
    down = canvas.rows - np.float32(shape.nipple_row)
    down = down / np.where(down < 0, np.float32(shape.up), np.float32(shape.down)) + np.float32(0.1) * slow[0]
    body = 1 - np.clip(np.abs(down) / np.float32(build.spread), 0, 2) ** 2
    field = 0.70 * rough[0] + 0.38 * fibres.web + 0.9 * body + np.float32(build.glands - 0.4)
    return sigmoid(BLUR * (field - 4.5 * under_skin - 1.6 * (1 - wall)))


MUSCLE = 0.38
"""Brightness of the muscle."""

MUSCLE_EDGE_PX = 90.0
"""Width of its soft edge, full-size px (6 mm)."""


def cover_with_muscle(
    key: Key, shape: Shape, canvas: Canvas, value: Plane, fibres: Fibres, rough: tuple[Plane, Plane]
) -> Plane:
    """The tissue's brightness with the muscle over it [height, width]; as it was in CC."""
    if shape.pectoral is None:
        return value
    rng = key.rng(Purpose.MUSCLE)
    deeper, shade = rng.uniform(200, 520), rng.uniform(-0.03, 0.07)
    strips, bands = smooth_pair(rng, 120)[0], smooth_pair(rng, 420)[0]
    depth = shape.pectoral_depth(canvas.rows, canvas.cols) + 14 * fibres.lobes[0]
    cover = smoothstep(depth / MUSCLE_EDGE_PX + np.float32(0.5))
    at = _corner(cover)
    depth, uneven = depth[at], rough[1][at]
    along = np.float32(0.12) * (canvas.rows[at[0]] + canvas.cols[:, at[1]])
    strip, band = strips.at(depth + 14 * uneven, along), bands.at(depth + 20 * uneven, along)
    layer = smoothstep((depth - np.float32(deeper) - 80 * fibres.slow[0][at]) / 60)
    texture = 0.028 * fibres.web[at] + 0.05 * uneven + 0.035 * fibres.fibrils[at]
    muscle = MUSCLE + shade + 0.06 * layer + 0.025 * strip + 0.03 * band + texture
    through = np.float32(0.84) * cover[at]
    covered = np.array(value, dtype=np.float32)
    covered[at] += through * (muscle + np.float32(0.4) * fibres.lines[at] - value[at])
    return covered


def _corner(cover: Plane) -> tuple[slice, slice]:
    """The rows and columns that the muscle covers at all."""
    rows, cols = (np.flatnonzero(cover.any(axis=axis)) for axis in (1, 0))
    return slice(0, int(rows.max(initial=-1)) + 1), slice(0, int(cols.max(initial=-1)) + 1)
