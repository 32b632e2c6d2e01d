"""Thin bright curves: spicules, ducts, vessels and rod-like calcifications, alike at every scale."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.canvas import Canvas, Plane

Values = NDArray[np.float64]

LEAST = 0.62
"""Half-width under which nothing is drawn, stored px; a finer thread is drawn wider and fainter."""

DOTS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Threads:
    """Any number of curves through equally many vertices; every array is [curves, vertices].

    Attributes:
        rows: row of each vertex, full-size px.
        cols: its column, full-size px.
        radius: half-width there, full-size px.
        bright: what the middle of the thread adds there.
    """

    rows: Values
    cols: Values
    radius: Values
    bright: Values

    def draw(self, canvas: Canvas, plane: Plane, where: Plane | None = None) -> None:
        """Add the curves to plane [height, width], in place, as dense dots that sum to an even line.

        Given where [height, width], only pixels where it is not 0 are sure to receive all they should; dots that touch
        none of those are left out.
        """
        seen = self.bright.max(axis=1) > 1e-4
        if not seen.any():
            return
        rows, cols, radius, bright = (a[seen] for a in (self.rows, self.cols, self.radius, self.bright))
        step = np.hypot(np.diff(rows), np.diff(cols)) * canvas.scale
        finest = max(float(radius.min()) * canvas.scale, LEAST)
        n = max(int(np.ceil(step.max() / (1.1 * finest))), 1)
        width = _between(radius, n) * canvas.scale
        drawn = np.maximum(width, LEAST)
        light = _between(bright, n) * width / drawn * np.repeat(step.ravel() / n, n) / (drawn * np.sqrt(np.pi))
        dots = _between(rows, n) * canvas.scale - canvas.row0 - 0.5, _between(cols, n) * canvas.scale - 0.5
        wanted = _touching(plane.shape, where, dots, _reach(drawn))
        for start in range(0, light.size, DOTS_AT_ONCE):
            reach = _reach(drawn[start : start + DOTS_AT_ONCE])
            some = start + np.flatnonzero(wanted[start : start + DOTS_AT_ONCE])
            if some.size:
                _add_dots(plane, dots[0][some], dots[1][some], drawn[some], light[some], reach)


def wander(
    rng: np.random.Generator, start: tuple[Values, Values], heading: Values, length: Values, vertices: int, bend: float
) -> tuple[Values, Values, Values]:
    """Curves that set out from start (rows, cols) [n] and lose their direction on the way.

    Args:
        rng: source of the turns.
        start: where each begins, full-size px.
        heading: direction [n], radians from the column axis towards the row axis.
        length: length [n], full-size px.
        vertices: vertices of each curve.
        bend: SD of the direction lost over the whole length, radians.

    Returns:
        Rows, columns and headings of the vertices, each [n, vertices].
    """
    n = len(heading)
    turns = bend * (0.7 * rng.standard_normal((n, vertices)) / np.sqrt(vertices))
    drift = 0.7 * bend * rng.standard_normal(n)[:, None] / vertices
    headings = heading[:, None] + np.cumsum(turns + drift, axis=1)
    step = (length / (vertices - 1))[:, None]
    rows, cols = (np.cumsum(step * f(headings[:, :-1]), axis=1) for f in (np.sin, np.cos))
    zero = np.zeros((n, 1))
    return start[0][:, None] + np.hstack([zero, rows]), start[1][:, None] + np.hstack([zero, cols]), headings


def _between(values: Values, n: int) -> Values:
    """Values at n places between each vertex and the next, all curves in one row."""
    t = (np.arange(n) + 0.5) / n
    inner = values[:, :-1, None] * (1 - t) + values[:, 1:, None] * t
    return np.asarray(inner.ravel(), dtype=np.float64)


def _reach(width: Values) -> int:
    """How many pixels beyond its own the widest of these dots is drawn."""
    return max(int(np.ceil(2.2 * width.max() - 0.5)), 2)


def _touching(
    shape: tuple[int, ...], where: Plane | None, dots: tuple[Values, Values], reach: int
) -> NDArray[np.bool_]:
    """Which dots [n] of at most this reach touch a plane of this shape, and there a pixel where `where` is not 0."""
    at = [np.floor(centre + 0.5).astype(np.int64) for centre in dots]
    on = [(-reach <= a) & (a < size + reach) for a, size in zip(at, shape, strict=True)]
    if where is None:
        return on[0] & on[1]
    near = cv2.dilate((where != 0).view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)) > 0
    rows, cols = (np.clip(a, 0, size - 1) for a, size in zip(at, shape, strict=True))
    return np.asarray(on[0] & on[1] & near[rows, cols])


def _add_dots(plane: Plane, rows: Values, cols: Values, width: Values, light: Values, reach: int) -> None:
    """Add round Gaussian dots of half-width `width` and peak `light`, positions in pixels of the plane."""
    offsets = np.arange(-reach, reach + 1)
    at_rows, row_part = _profile(rows, width, offsets, plane.shape[0])
    at_cols, col_part = _profile(cols, width, offsets, plane.shape[1])
    top, left = int(at_rows.min()), int(at_cols.min())
    height, breadth = int(at_rows.max()) - top + 1, int(at_cols.max()) - left + 1
    where = (at_rows - top)[:, :, None] * breadth + (at_cols - left)[:, None, :]
    value = (light[:, None] * row_part)[:, :, None] * col_part[:, None, :]
    sums = np.bincount(where.ravel(), value.ravel(), minlength=height * breadth).reshape(height, breadth)
    plane[top : top + height, left : left + breadth] += sums.astype(np.float32)


def _profile(centre: Values, width: Values, offsets: NDArray[np.int_], size: int) -> tuple[NDArray[np.int_], Values]:
    """Pixels around each centre along one axis and the dot's share there, 0 beyond the plane: [dots, offsets]."""
    at = np.floor(centre + 0.5).astype(np.int64)[:, None] + offsets
    part = np.exp(-(((at - centre[:, None]) / width[:, None]) ** 2)) * ((at >= 0) & (at < size))
    return np.clip(at, 0, size - 1), part


@dataclass(frozen=True, eq=False)
class Specks:
    """Any number of ellipses; every array is [n].

    Attributes:
        rows: centres, full-size px.
        cols: centres, full-size px.
        radius: half-width across, full-size px.
        stretch: length over width, 1 or more.
        angle: direction of the long axis, radians from the column axis towards the row axis.
        bright: brightness added at the centre.
    """

    rows: Values
    cols: Values
    radius: Values
    stretch: Values
    angle: Values
    bright: Values

    def draw(self, canvas: Canvas, plane: Plane) -> None:
        """Add the ellipses to plane [height, width], in place; one thinner than a pixel is drawn wider and fainter."""
        least = 0.62 / canvas.scale
        across = np.maximum(self.radius, least)
        along = np.maximum(self.radius * self.stretch, least)
        bright = self.bright * np.sqrt(self.radius * self.radius * self.stretch / (across * along))
        all_rows, all_cols = canvas.rows, canvas.cols
        for i in np.flatnonzero(bright > 1e-4):
            at = canvas.around(self.rows[i], self.cols[i], 2.2 * along[i])
            down, right = all_rows[at[0]] - self.rows[i], all_cols[:, at[1]] - self.cols[i]
            c, s = np.cos(self.angle[i]), np.sin(self.angle[i])
            squared = ((right * c + down * s) / along[i]) ** 2 + ((down * c - right * s) / across[i]) ** 2
            plane[at] += (bright[i] * np.exp(-squared * np.sqrt(squared))).astype(np.float32)
