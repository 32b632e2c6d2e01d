"""Polar coordinates around a lesion, and closed contours tabulated by angle."""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.placement import Site

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
