"""Extent of a lesion: its size, form and direction, independent of the label and of the latent v.

A lesion stays inside its form however it looks, so that outlines, and the windows cut on them, carry no signal.
Shapes are drawn in polar coordinates around the lesion, with closed contours tabulated by angle.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.placement import OUTLINE_REACH, Site
from mammo.phantoms.spec import Key, Purpose
from mammo.records import Floats

OUTLINE_MARGIN = 1.12
"""Factor by which outlines are wider than the lesion's form, as if drawn by hand."""


class Distribution(StrEnum):
    """Distributions of calcifications (BI-RADS, 5th edition), without diffuse ones, which are not one lesion."""

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
"""Half-length and half-width of each distribution, in radii of the lesion."""


@dataclass(frozen=True, eq=False)
class Form:
    """Extent of one lesion.

    Attributes:
        contour: radius [721] over ANGLES, in radii of the lesion's site.
        axis: direction of the long axis, radians from the column axis towards the row axis.
        long: half-length, radii.
        short: half-width, radii.
        distribution: distribution of its calcifications; unused for other findings.
        coin: uniform in [0, 1), chooses between morphologies of its calcifications; unused for other findings.
    """

    contour: Plane
    axis: float
    long: float
    short: float
    distribution: Distribution
    coin: float


def draw_form(key: Key, lesion: Lesion) -> Form:
    """Draw the form of one lesion of an image; both views of a finding have one distribution and one coin."""
    u, stretch, amplitude, phase, _ = _draws(key, lesion.number)
    shared = lesion.breast or key
    distribution = _draws(shared, lesion.number)[-1]
    coin = shared.rng(Purpose.APPEARANCE, lesion.number).random()
    if lesion.finding is Finding.CALCIFICATION:
        long, short = AXES[distribution]
        ductal = distribution in (Distribution.LINEAR, Distribution.SEGMENTAL)
        axis = u * (0.6 if ductal else np.pi)  # ducts run towards the nipple, along the rows
    else:
        long, short, axis = float(np.sqrt(stretch)), float(1 / np.sqrt(stretch)), u * np.pi
    oval = 1 / np.hypot(np.cos(ANGLES - axis) / long, np.sin(ANGLES - axis) / short)
    ripple = amplitude[:, None] * np.cos(np.arange(2, 5)[:, None] * ANGLES + phase[:, None])
    contour = np.asarray(oval * (1 + ripple.sum(axis=0)), dtype=np.float32)
    return Form(contour, float(axis), long, short, distribution, coin)


def _draws(owner: Key, number: int) -> tuple[float, float, Floats, Floats, Distribution]:
    """Draw direction in [-1, 1), stretch, amplitudes [3] and phases [3] of a contour, and a distribution."""
    rng = owner.rng(Purpose.FORM, number)
    u, stretch = rng.uniform(-1, 1), rng.uniform(1.0, 1.28)
    amplitude, phase = rng.uniform(0.005, 0.035, 3), rng.uniform(0, 2 * np.pi, 3)
    return u, stretch, amplitude, phase, list(Distribution)[int(rng.choice(4, p=DISTRIBUTION_SHARES))]


def outline(key: Key, lesion: Lesion, canvas: Canvas) -> NDArray[np.bool_]:
    """Return the lesion's outline bool [height, width]: a smooth, slightly generous contour, independent of v."""
    polar = PolarCoordinates.around(canvas, lesion.site, 1.4)
    mask = np.zeros((canvas.height, canvas.width), dtype=bool)
    mask[polar.at] = polar.radius < polar.lookup(_outline_contour(draw_form(key, lesion)))
    return mask


def outline_reach(key: Key, lesion: Lesion) -> float:
    """Return the radius of the circle around the center that encloses the outline, full-size px."""
    return lesion.site.radius * float(_outline_contour(draw_form(key, lesion)).max())


def _outline_contour(form: Form) -> Plane:
    """Return the outline's contour [721] over ANGLES, in radii."""
    return np.asarray(np.minimum(OUTLINE_MARGIN * form.contour, OUTLINE_REACH), dtype=np.float32)


ANGLES = np.linspace(-np.pi, np.pi, 721, dtype=np.float32)
"""Angles [721] at which contours are tabulated, radians from the column axis towards the row axis."""


@dataclass(frozen=True, eq=False)
class PolarCoordinates:
    """Polar coordinates of the part of a canvas around a site.

    Attributes:
        at: rows and columns of the part, as slices of a plane of the canvas.
        radius: distance to the center [h, w], in radii of the site.
        angle: direction from the center [h, w], radians.
    """

    at: tuple[slice, slice]
    radius: Plane
    angle: Plane

    @classmethod
    def around(cls, canvas: Canvas, site: Site, reach: float) -> "PolarCoordinates":
        """Return the coordinates of the pixels within reach (in radii) of a site's center."""
        at = canvas.around(site.row, site.col, reach * site.radius)
        down, right = canvas.rows[at[0]] - site.row, canvas.cols[:, at[1]] - site.col
        radius = np.hypot(down, right) / site.radius
        return cls(at, radius.astype(np.float32), np.arctan2(down, right).astype(np.float32))

    def lookup(self, contour: Plane) -> Plane:
        """Read a contour [721], tabulated over ANGLES, at each pixel's angle: [h, w]."""
        index = ((self.angle + np.float32(np.pi)) * np.float32(720 / (2 * np.pi))).astype(np.int32) % 720
        return np.asarray(contour[index], dtype=np.float32)


def contour_at(contour: Plane, angle: np.ndarray) -> np.ndarray:
    """Interpolate a contour [721], tabulated over ANGLES, at any angles [n], radians: [n]."""
    return np.interp((angle + np.pi) % (2 * np.pi) - np.pi, ANGLES, contour)


def random_contour(rng: np.random.Generator, first: int, last: int) -> Plane:
    """Return a random contour [721] over ANGLES, made of harmonics first to last, SD 1 on average."""
    n = last - first + 1
    amplitude, phase = rng.standard_normal(n), rng.uniform(0, 2 * np.pi, n)
    each = amplitude[:, None] * np.cos(np.arange(first, last + 1)[:, None] * ANGLES + phase[:, None])
    return np.asarray(each.sum(axis=0) / np.sqrt(n / 2), dtype=np.float32)
