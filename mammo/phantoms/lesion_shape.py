"""The extent of a lesion: its size, form and direction, which neither the label nor the latent v can move.

A lesion keeps inside its form whatever it looks like, so that outlines, and the windows cut on them, tell nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.placement import REACH
from mammo.phantoms.polar import TURN, Polar
from mammo.phantoms.randomness import Key, Purpose

GENEROUS = 1.12
"""Outlines are drawn this much wider than the lesion's form, as by hand."""


class Distribution(StrEnum):
    """How calcifications lie (BI-RADS, 5th edition); diffuse ones are no lesion of their own."""

    GROUPED = "grouped"
    REGIONAL = "regional"
    LINEAR = "linear"
    SEGMENTAL = "segmental"


DISTRIBUTION_SHARES = (0.5, 0.18, 0.14, 0.18)

AXES = {
    Distribution.GROUPED: (0.95, 0.84),
    Distribution.REGIONAL: (1.12, 1.00),
    Distribution.LINEAR: (1.14, 0.58),
    Distribution.SEGMENTAL: (1.12, 0.76),
}
"""Half-length and half-width of each distribution, radii."""


@dataclass(frozen=True, eq=False)
class Form:
    """Extent of one lesion.

    Attributes:
        contour: radius over TURN, radii of the lesion's site.
        axis: direction of the long axis, radians from the column axis towards the row axis.
        long: half-length, radii.
        short: half-width, radii.
        distribution: how its calcifications lie; of no meaning for other findings.
    """

    contour: Plane
    axis: float
    long: float
    short: float
    distribution: Distribution


def draw_form(key: Key, lesion: Lesion) -> Form:
    """The form of one lesion of an image."""
    rng = key.rng(Purpose.FORM, lesion.number)
    u, stretch = rng.uniform(-1, 1), rng.uniform(1.0, 1.28)
    amplitude, phase = rng.uniform(0.005, 0.035, 3), rng.uniform(0, 2 * np.pi, 3)
    distribution = list(Distribution)[int(rng.choice(4, p=DISTRIBUTION_SHARES))]
    if lesion.finding is Finding.CALCIFICATION:
        long, short = AXES[distribution]
        ductal = distribution in (Distribution.LINEAR, Distribution.SEGMENTAL)
        axis = u * (0.6 if ductal else np.pi)  # ducts run towards the nipple, along the rows
    else:
        long, short, axis = float(np.sqrt(stretch)), float(1 / np.sqrt(stretch)), u * np.pi
    oval = 1 / np.hypot(np.cos(TURN - axis) / long, np.sin(TURN - axis) / short)
    ripple = amplitude[:, None] * np.cos(np.arange(2, 5)[:, None] * TURN + phase[:, None])
    contour = np.asarray(oval * (1 + ripple.sum(axis=0)), dtype=np.float32)
    return Form(contour, float(axis), long, short, distribution)


def outline(key: Key, lesion: Lesion, canvas: Canvas) -> NDArray[np.bool_]:
    """The lesion's outline [height, width]: a smooth, slightly generous contour that never depends on v."""
    polar = Polar.about(canvas, lesion.site, 1.4)
    mask = np.zeros((canvas.height, canvas.width), dtype=bool)
    mask[polar.at] = polar.radius < polar.turned(_generous(draw_form(key, lesion)))
    return mask


def outline_reach(key: Key, lesion: Lesion) -> float:
    """Radius of the circle about the centre that holds the outline, full-size px."""
    return lesion.site.radius * float(_generous(draw_form(key, lesion)).max())


def _generous(form: Form) -> Plane:
    """The outline's contour over TURN, in radii."""
    return np.asarray(np.minimum(GENEROUS * form.contour, REACH), dtype=np.float32)
