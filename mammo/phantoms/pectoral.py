"""The pectoral muscle of an MLO view: a soft-edged wedge with fibres along its edge and a deeper layer."""

import numpy as np

from mammo.phantoms.anatomy import Shape
from mammo.phantoms.canvas import Canvas, Plane, smoothstep
from mammo.phantoms.fibres import Fibres
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
    depth = shape.pectoral_depth(canvas.rows, canvas.cols) + 14 * fibres.lobes[0]
    along = np.float32(0.12) * (canvas.rows + canvas.cols)
    strips = smooth_pair(rng, 120)[0].at(depth + 14 * rough[1], along)
    bands = smooth_pair(rng, 420)[0].at(depth + 20 * rough[1], along)
    layer = smoothstep((depth - np.float32(deeper) - 80 * fibres.slow[0]) / 60)
    muscle = MUSCLE + shade + 0.06 * layer + 0.025 * strips + 0.03 * bands + 0.028 * fibres.web + 0.05 * rough[1]
    cover = smoothstep(depth / EDGE_PX + np.float32(0.5))
    through = np.float32(0.84) * cover
    return np.asarray(value + through * (muscle + np.float32(0.4) * fibres.lines - value), dtype=np.float32)
