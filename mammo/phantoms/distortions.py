"""Architectural distortion: tissue drawn towards a point, with lines that run to it and no mass in the middle."""

import numpy as np

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.findings import Lesion
from mammo.phantoms.forms import Form
from mammo.phantoms.polar import Polar
from mammo.phantoms.retraction import draw_in
from mammo.phantoms.spicules import Habit, grow_spicules

HABIT = Habit(count=26, start=0.10, length=(0.8, 1.35), width=7.5)


def draw_distortion(
    rng: np.random.Generator, lesion: Lesion, form: Form, canvas: Canvas, tissue: Plane, bright: float
) -> Plane:
    """What the distortion adds [height, width], over tissue that it draws towards its centre, in place.

    With v grow the pull and the lines, and the dark middle of a scar (low v) becomes a denser one.
    """
    v, site = lesion.latent, lesion.site
    twist = rng.normal(0, 0.06)
    draw_in(canvas, tissue, site, 2.2, 0.25 + 0.75 * v, twist)
    polar = Polar.about(canvas, site, 2.0)
    asymmetry = np.exp(-((polar.radius / (0.85 * polar.turned(form.contour))) ** 4))
    middle = np.exp(-((polar.radius / np.float32(0.42)) ** 2))
    added = np.zeros_like(tissue)
    added[polar.at] = np.float32(bright) * (np.float32(0.5 - 0.2 * v) * asymmetry + np.float32(1.1 * v - 0.5) * middle)
    grow_spicules(rng, HABIT, site, form.contour, 0.1 + 0.9 * v, (0.25 + 0.85 * v) * bright).draw(canvas, added)
    return added
