"""Tissue drawn towards a point: its own texture, pulled in and combed into streaks that run to the point."""

import numpy as np
from scipy.ndimage import uniform_filter

from mammo.phantoms.canvas import Canvas, Plane, remapped, smoothstep
from mammo.phantoms.placement import Site

COMB = 0.24
"""A streak gathers the texture from this share of its distance to the point, to both sides."""

PULL = 0.30
"""Texture seen at a distance r comes from up to r * (1 + PULL)."""


def draw_in(canvas: Canvas, plane: Plane, site: Site, reach: float, strength: float, twist: float) -> None:
    """Draw the tissue within reach towards a site's centre, in place.

    Args:
        canvas: where plane is drawn.
        plane: brightness [height, width].
        site: its centre is the point.
        reach: how far the pull is felt, radii of the site.
        strength: 0 (nothing) to 1.
        twist: how far streaks lean off the straight line, radians.
    """
    if strength <= 0:
        return
    at = canvas.around(site.row, site.col, reach * site.radius)
    part = plane[at]
    down, right = (canvas.rows[at[0]] - site.row) * canvas.scale, (canvas.cols[:, at[1]] - site.col) * canvas.scale
    away = np.hypot(down, right) / np.float32(reach * site.radius * canvas.scale)
    felt = smoothstep(np.float32(1.6) - np.float32(1.52) * away)
    felt = felt * np.float32(strength)
    centre_row = site.row * canvas.scale - 0.5 - canvas.row0 - at[0].start
    centre_col = site.col * canvas.scale - 0.5 - at[1].start
    combed = np.zeros_like(part)
    for along in np.linspace(-1, 1, 7):
        length = 1 + np.float32(PULL) * felt + np.float32(COMB * along)
        c, s = np.float32(np.cos(twist * along)), np.float32(np.sin(twist * along))
        rows, cols = (down * c + right * s) * length, (right * c - down * s) * length
        combed += remapped(part, rows + np.float32(centre_row), cols + np.float32(centre_col)) / np.float32(7)
    even = uniform_filter(combed, size=max(round(0.35 * site.radius * canvas.scale), 3), mode="nearest")
    part += felt * (combed - part + np.float32(1.3) * (combed - even))
