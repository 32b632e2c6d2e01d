"""The skin over a breast and the thinning of the breast towards it; depths and thicknesses in full-size px."""

import numpy as np

from mammo.phantoms.canvas import Plane, smoothstep

SKIN_PX = 36.0
"""Thickness of the skin as it shows, seen along its curve (3 mm)."""

SKIN_LIGHT = 0.40
"""Brightness that skin adds."""


def skin_line(depth: Plane, thickness: float) -> Plane:
    """Brightness of skin [height, width] of this thickness at a distance below the surface; 0 outside (depth 0)."""
    line = smoothstep((np.float32(thickness + 40) - depth) / 64) * surface(depth)
    return np.asarray(np.float32(SKIN_LIGHT) * line, dtype=np.float32)


def surface(depth: Plane) -> Plane:
    """How far the breast has begun [height, width]: 0 outside, 1 from 2 mm below the surface on."""
    return smoothstep(depth / 22)


def falloff(depth: Plane) -> Plane:
    """Factor [height, width] for the thinning of the compressed breast within about 15 mm of the skin; 0 outside."""
    return (np.float32(0.78) + np.float32(0.22) * smoothstep(depth / 200)) * surface(depth)
