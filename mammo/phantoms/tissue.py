"""What fills a breast: fat, fibroglandular tissue, ligaments and ducts, the pectoral muscle, and the skin over it.

Brightness is presentation brightness from 0 (background) to 1 (white). Everything here is independent of every label.
"""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.anatomy import CELL_PX, Shape
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.texture import power_law_pair, smooth_pair, strands, towards

DENSITY_SHARES = (0.1, 0.4, 0.4, 0.1)
"""How often a breast is of density A, B, C, D."""

DENSITY_OFFSETS = (-1.7, -0.75, 0.25, 1.15)
"""What each density adds to the fibroglandular field."""

FAT, GLAND, MUSCLE = 0.16, 0.50, 0.46

SKIN_PX = 16.0
"""Thickness of the skin, full-size px (1.1 mm)."""


@dataclass(frozen=True, eq=False)
class Tissue:
    """One drawn breast without findings.

    Attributes:
        canvas: where it is drawn.
        value: brightness [height, width] before the fall-off towards the skin.
        skin_depth: distance below the skin [height, width], full-size px; 0 outside.
        falloff: factor [height, width] for the thinning towards the skin, 0 outside.
    """

    canvas: Canvas
    value: Plane
    skin_depth: Plane
    falloff: Plane


def draw_tissue(key: Key, shape: Shape, density: int, scale: float) -> Tissue:
    """Fill one breast; density is 0 to 3 for A to D."""
    canvas = shape.canvas(scale)
    depth = canvas.sampled(shape.skin_depth, CELL_PX)
    coarse, fine = power_law_pair(key, canvas, beta=3.1)
    rng = key.rng(Purpose.STRUCTURE)
    where = _glandular_prior(canvas, shape, depth) + np.float32(DENSITY_OFFSETS[density] + 0.2 * rng.standard_normal())
    gland = sigmoid(np.float32(3.2) * (np.float32(0.8) * coarse + where + np.float32(0.22) * fine))
    value = FAT + 0.035 * fine + (GLAND - FAT + 0.10 * fine) * gland
    value = value + _web(rng, canvas, shape) * (np.float32(1) - np.float32(0.35) * gland) * smoothstep(depth / 120)
    muscle = shape.pectoral_depth(canvas.rows, canvas.cols)
    if shape.pectoral is not None:
        cover = smoothstep(muscle / 130 + 0.5) * np.float32(0.86)
        value = value + cover * (MUSCLE + 0.05 * fine + np.float32(0.05) * _fibres(rng, canvas, shape) - value)
    nipple = np.exp(-(((canvas.rows - shape.nipple_row) / 70) ** 2 + ((canvas.cols - shape.depth + 10) / 95) ** 2))
    value = value + 0.20 * nipple
    value = np.clip(value, 0.05, None)
    return Tissue(canvas, np.asarray(value, dtype=np.float32), depth, _falloff(depth))


def _glandular_prior(canvas: Canvas, shape: Shape, depth: Plane) -> Plane:
    """Where glands are likely: a disc in mid-breast drawn out into a cone towards the nipple, none under the skin."""
    down = (canvas.rows - shape.nipple_row) / np.where(canvas.rows < shape.nipple_row, shape.up, shape.down)
    ahead = canvas.cols / shape.depth
    disc = 1.05 - (down / 0.62) ** 2 - ((ahead - 0.50) / 0.42) ** 2
    cone = 0.75 - np.abs(down) / 0.16 * (0.6 + np.clip(1 - ahead, 0, 1)) - 6 * np.clip(0.5 - ahead, 0, None)
    rim = np.float32(2.4) * (1 - smoothstep((depth - 40) / 190))
    return np.asarray(np.clip(np.maximum(disc, cone), -1.6, None) - rim, dtype=np.float32)


def _web(rng: np.random.Generator, canvas: Canvas, shape: Shape) -> Plane:
    """Ligaments in all directions and ducts towards the nipple: brightness to add."""
    wide, where = (canvas.sampled(field, 16) for field in smooth_pair(rng, 520))
    narrow, other = (canvas.sampled(field, 16) for field in smooth_pair(rng, 260))
    ducts, _ = smooth_pair(rng, 300)
    rays = towards(canvas, ducts, shape.nipple_row, shape.depth + 40, spokes=1500)
    lines = 0.13 * strands(wide, 10, canvas.scale) * sigmoid(3 * where)
    lines = lines + 0.11 * strands(narrow, 7, canvas.scale) * sigmoid(4 * other - 1)
    return np.asarray(lines + 0.09 * strands(rays, 8, canvas.scale) * sigmoid(-2 * where), dtype=np.float32)


def _fibres(rng: np.random.Generator, canvas: Canvas, shape: Shape) -> Plane:
    """Streaks along the pectoral muscle, about -2 to 2."""
    assert shape.pectoral is not None
    field, _ = smooth_pair(rng, 300)
    return towards(canvas, field, shape.pectoral[1] + 500, 60, spokes=2600)


def _falloff(depth: Plane) -> Plane:
    """Thinning of the compressed breast within about 15 mm of the skin."""
    return np.asarray((0.55 + 0.45 * smoothstep(depth / 230)) * (depth > 0), dtype=np.float32)
