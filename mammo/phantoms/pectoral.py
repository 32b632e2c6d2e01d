"""The pectoral muscle of an MLO view: a soft-edged wedge with fibres along its edge and a deeper layer."""

import numpy as np

from mammo.phantoms.anatomy import Shape
from mammo.phantoms.canvas import Canvas, Plane, smoothstep
from mammo.phantoms.fibers import Fibres
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.texture import smooth_pair

MUSCLE = 0.38
"""Brightness of the muscle."""

EDGE_PX = 90.0
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
    cover = smoothstep(depth / EDGE_PX + np.float32(0.5))
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
