"""What fills a breast: fat, glands, the fibrous web, the pectoral muscle, the skin over it.

Brightness is presentation brightness from 0 (background) to 1 (white). Everything here is independent of every label.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.anatomy import CELL_PX, Shape
from mammo.phantoms.canvas import Canvas, Plane, smoothstep
from mammo.phantoms.composition import draw_build
from mammo.phantoms.fibers import draw_fibres
from mammo.phantoms.glands import gland_share
from mammo.phantoms.pectoral import cover_with_muscle
from mammo.phantoms.randomness import Key
from mammo.phantoms.skin import falloff
from mammo.phantoms.texture import power_law_pair

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
