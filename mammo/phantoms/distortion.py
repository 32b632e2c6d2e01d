"""Architectural distortion: tissue drawn towards a point, with lines that run to it and no mass in the middle."""

import numpy as np

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import Form
from mammo.phantoms.polar import Polar
from mammo.phantoms.retraction import draw_in
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
