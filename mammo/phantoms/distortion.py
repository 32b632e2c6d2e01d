"""Architectural distortion: tissue drawn towards a point, with lines that run to it and no mass in the middle."""

import numpy as np
from scipy.ndimage import uniform_filter

from mammo.phantoms.canvas import Canvas, Plane, remapped, smoothstep
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import Form
from mammo.phantoms.placement import Site
from mammo.phantoms.polar import Polar
from mammo.phantoms.spicules import Habit, grow_spicules

HABIT = Habit(count=26, start=0.10, length=(0.8, 1.35), width=7.5)


def draw_distortion(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, bright: float
) -> Plane:
    """What the distortion adds [height, width], over tissue that it draws towards its centre, in place.

    With v grow the pull and the lines; at low v little is left but an even asymmetry with a paler middle.
    """
    v, site = lesion.latent, lesion.site
    twist = rng.normal(0, 0.06)
    draw_in(canvas, tissue, site, 2.2, 0.15 + 0.85 * v, twist)
    polar = Polar.about(canvas, site, 2.0)
    asymmetry = np.exp(-((polar.radius / (0.85 * polar.turned(form.contour))) ** 4))
    middle = np.exp(-((polar.radius / np.float32(0.42)) ** 2))
    part = tissue[polar.at]
    part += np.float32(0.8 * (1 - v)) * asymmetry * (part.mean() - part)
    added = np.zeros_like(tissue)
    added[polar.at] = np.float32(bright) * (np.float32(0.8 - 0.5 * v) * asymmetry + np.float32(1.2 * v - 0.4) * middle)
    grow_spicules(rng, HABIT, site, form.contour, v, (0.3 + 0.9 * v) * bright).draw(canvas, added)
    return added


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
