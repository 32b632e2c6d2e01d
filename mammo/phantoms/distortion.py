"""Architectural distortion and retraction: tissue pulled towards a point, with lines that radiate from it."""

import numpy as np
from scipy.ndimage import uniform_filter

from mammo.phantoms.canvas import Canvas, Plane, sample_bilinear, smoothstep
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import Form
from mammo.phantoms.placement import Site
from mammo.phantoms.polar import PolarCoordinates
from mammo.phantoms.spicules import SpiculeStyle, grow_spicules

SPICULES = SpiculeStyle(count=26, start=0.10, length=(0.8, 1.35), width=7.5)

COMB = 0.24
"""Half-length over which texture is averaged along a streak, as a share of the distance to the point."""

PULL = 0.30
"""Texture at distance r comes from distances up to r * (1 + PULL)."""


def draw_distortion(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, brightness: float
) -> Plane:
    """Return the brightness that a distortion adds [height, width]; retracts tissue [height, width] in place.

    Retraction and lines grow with v; at low v little is left but an even asymmetry with a paler middle. There is no
    central mass.
    """
    v, site = lesion.latent, lesion.site
    twist = rng.normal(0, 0.06)
    retract(canvas, tissue, site, 2.2, 0.15 + 0.85 * v, twist)
    polar = PolarCoordinates.around(canvas, site, 2.0)
    asymmetry = np.exp(-((polar.radius / (0.85 * polar.lookup(form.contour))) ** 4))
    middle = np.exp(-((polar.radius / np.float32(0.42)) ** 2))
    part = tissue[polar.at]
    part += np.float32(0.8 * (1 - v)) * asymmetry * (part.mean() - part)
    added = np.zeros_like(tissue)
    added[polar.at] = np.float32(brightness) * (
        np.float32(0.8 - 0.5 * v) * asymmetry + np.float32(1.2 * v - 0.4) * middle
    )
    grow_spicules(rng, SPICULES, site, form.contour, v, (0.3 + 0.9 * v) * brightness).draw(canvas, added)
    return added


def retract(canvas: Canvas, plane: Plane, site: Site, reach: float, strength: float, twist: float) -> None:
    """Pull the tissue around a site towards its center, in place, and comb it into streaks that run to the center.

    Args:
        canvas: canvas of the plane.
        plane: brightness [height, width].
        site: its center is the point of retraction.
        reach: radius of the retracted region, in radii of the site.
        strength: 0 (none) to 1.
        twist: deviation of the streaks from straight lines, radians.
    """
    if strength <= 0:
        return
    at = canvas.around(site.row, site.col, reach * site.radius)
    part = plane[at]
    down, right = (canvas.rows[at[0]] - site.row) * canvas.scale, (canvas.cols[:, at[1]] - site.col) * canvas.scale
    away = np.hypot(down, right) / np.float32(reach * site.radius * canvas.scale)
    pull = smoothstep(np.float32(1.6) - np.float32(1.52) * away)
    pull = pull * np.float32(strength)
    center_row = site.row * canvas.scale - 0.5 - canvas.row0 - at[0].start
    center_col = site.col * canvas.scale - 0.5 - at[1].start
    combed = np.zeros_like(part)
    for along in np.linspace(-1, 1, 7):
        length = 1 + np.float32(PULL) * pull + np.float32(COMB * along)
        c, s = np.float32(np.cos(twist * along)), np.float32(np.sin(twist * along))
        rows, cols = (down * c + right * s) * length, (right * c - down * s) * length
        combed += sample_bilinear(part, rows + np.float32(center_row), cols + np.float32(center_col)) / np.float32(7)
    even = uniform_filter(combed, size=max(round(0.35 * site.radius * canvas.scale), 3), mode="nearest")
    part += pull * (combed - part + np.float32(1.3) * (combed - even))
