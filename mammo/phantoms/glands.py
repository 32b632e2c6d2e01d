"""Where a breast is glandular: a body behind the nipple, frayed by the web, with fat before skin and chest wall."""

import numpy as np

from mammo.phantoms.anatomy import Shape
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.composition import Build
from mammo.phantoms.fibers import Fibres

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
