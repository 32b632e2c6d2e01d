"""The surroundings of a lesion in polar coordinates, and contours tabulated over the whole turn."""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.placement import Site

TURN = np.linspace(-np.pi, np.pi, 721, dtype=np.float32)
"""Angles at which contours are tabulated, radians from the column axis towards the row axis."""


@dataclass(frozen=True, eq=False)
class Polar:
    """Part of the canvas about a site.

    Attributes:
        at: rows and columns of the canvas.
        radius: distance to the centre over the site's radius [h, w].
        angle: direction [h, w], radians.
    """

    at: tuple[slice, slice]
    radius: Plane
    angle: Plane

    @classmethod
    def about(cls, canvas: Canvas, site: Site, reach: float) -> "Polar":
        """The pixels within reach (in radii) of a site's centre."""
        at = canvas.around(site.row, site.col, reach * site.radius)
        down, right = canvas.rows[at[0]] - site.row, canvas.cols[:, at[1]] - site.col
        radius = np.hypot(down, right) / site.radius
        return cls(at, radius.astype(np.float32), np.arctan2(down, right).astype(np.float32))

    def turned(self, table: Plane) -> Plane:
        """A contour tabulated over TURN, read at each pixel's angle."""
        index = ((self.angle + np.float32(np.pi)) * np.float32(720 / (2 * np.pi))).astype(np.int32) % 720
        return np.asarray(table[index], dtype=np.float32)


def read_turn(table: Plane, angle: np.ndarray) -> np.ndarray:
    """A contour tabulated over TURN at any angles."""
    return np.interp((angle + np.pi) % (2 * np.pi) - np.pi, TURN, table)


def waves(rng: np.random.Generator, first: int, last: int) -> Plane:
    """A random contour over TURN made of harmonics first to last, SD 1 on average."""
    n = last - first + 1
    amplitude, phase = rng.standard_normal(n), rng.uniform(0, 2 * np.pi, n)
    each = amplitude[:, None] * np.cos(np.arange(first, last + 1)[:, None] * TURN + phase[:, None])
    return np.asarray(each.sum(axis=0) / np.sqrt(n / 2), dtype=np.float32)
