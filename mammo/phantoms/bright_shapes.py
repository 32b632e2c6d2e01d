"""Bright shapes that look the same at every scale: thin curves (spicules, vessels) and ellipses (calcifications)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.canvas import Canvas, Plane
from mammo.records import Floats

MIN_HALF_WIDTH = 0.62
"""Smallest half-width that is drawn, stored px; a finer shape is drawn wider and fainter."""

DOTS_PER_BATCH = 4096


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves with the same number of vertices; every array is [curves, vertices].

    Attributes:
        rows: row of each vertex, full-size px.
        cols: column of each vertex, full-size px.
        radius: half-width of the curve there, full-size px.
        brightness: brightness that the middle of the curve adds there.
    """

    rows: Floats
    cols: Floats
    radius: Floats
    brightness: Floats

    def draw(self, canvas: Canvas, plane: Plane, where: Plane | None = None) -> None:
        """Add the curves to a plane, in place, as dense dots that sum to an even line.

        Args:
            canvas: canvas of the plane.
            plane: brightness [height, width].
            where: weights [height, width] of the pixels that matter; dots that touch only pixels of weight 0 are
                skipped. None draws everything.
        """
        seen = self.brightness.max(axis=1) > 1e-4
        if not seen.any():
            return
        rows, cols, radius, brightness = (a[seen] for a in (self.rows, self.cols, self.radius, self.brightness))
        step = np.hypot(np.diff(rows), np.diff(cols)) * canvas.scale
        finest = max(float(radius.min()) * canvas.scale, MIN_HALF_WIDTH)
        n = max(int(np.ceil(step.max() / (1.1 * finest))), 1)
        width = _interpolate(radius, n) * canvas.scale
        drawn = np.maximum(width, MIN_HALF_WIDTH)
        peak = _interpolate(brightness, n) * width / drawn * np.repeat(step.ravel() / n, n) / (drawn * np.sqrt(np.pi))
        dots = _interpolate(rows, n) * canvas.scale - canvas.row0 - 0.5, _interpolate(cols, n) * canvas.scale - 0.5
        wanted = _touching(plane.shape, where, dots, _dot_reach(drawn))
        for start in range(0, peak.size, DOTS_PER_BATCH):
            reach = _dot_reach(drawn[start : start + DOTS_PER_BATCH])
            some = start + np.flatnonzero(wanted[start : start + DOTS_PER_BATCH])
            if some.size:
                _add_dots(plane, dots[0][some], dots[1][some], drawn[some], peak[some], reach)


def random_walks(
    rng: np.random.Generator, start: tuple[Floats, Floats], heading: Floats, length: Floats, vertices: int, bend: float
) -> tuple[Floats, Floats, Floats]:
    """Draw curves that gradually change direction.

    Args:
        rng: source of the turns.
        start: (rows, cols) of their first vertices, each [n], full-size px.
        heading: initial direction [n], radians from the column axis towards the row axis.
        length: length [n], full-size px.
        vertices: number of vertices of each curve.
        bend: SD of the change of direction over the whole length, radians.

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


def _interpolate(values: Floats, n: int) -> Floats:
    """Interpolate values [curves, vertices] at n positions between each vertex and the next, flattened."""
    t = (np.arange(n) + 0.5) / n
    inner = values[:, :-1, None] * (1 - t) + values[:, 1:, None] * t
    return np.asarray(inner.ravel(), dtype=np.float64)


def _dot_reach(width: Floats) -> int:
    """Return the number of pixels that the widest of these dots extends beyond its central pixel."""
    return max(int(np.ceil(2.2 * width.max() - 0.5)), 2)


def _touching(
    shape: tuple[int, ...], where: Plane | None, dots: tuple[Floats, Floats], reach: int
) -> NDArray[np.bool_]:
    """Return which dots [n], of at most this reach, touch a pixel of the plane whose weight in `where` is not 0."""
    at = [np.floor(center + 0.5).astype(np.int64) for center in dots]
    on = [(-reach <= a) & (a < size + reach) for a, size in zip(at, shape, strict=True)]
    if where is None:
        return on[0] & on[1]
    near = cv2.dilate((where != 0).view(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), dtype=np.uint8)) > 0
    rows, cols = (np.clip(a, 0, size - 1) for a, size in zip(at, shape, strict=True))
    return np.asarray(on[0] & on[1] & near[rows, cols])


def _add_dots(plane: Plane, rows: Floats, cols: Floats, width: Floats, peak: Floats, reach: int) -> None:
    """Add Gaussian dots of half-width `width` and peak brightness `peak` [dots], positions in pixels of the plane."""
    offsets = np.arange(-reach, reach + 1)
    at_rows, row_part = _profile(rows, width, offsets, plane.shape[0])
    at_cols, col_part = _profile(cols, width, offsets, plane.shape[1])
    top, left = int(at_rows.min()), int(at_cols.min())
    height, breadth = int(at_rows.max()) - top + 1, int(at_cols.max()) - left + 1
    where = (at_rows - top)[:, :, None] * breadth + (at_cols - left)[:, None, :]
    value = (peak[:, None] * row_part)[:, :, None] * col_part[:, None, :]
    sums = np.bincount(where.ravel(), value.ravel(), minlength=height * breadth).reshape(height, breadth)
    plane[top : top + height, left : left + breadth] += sums.astype(np.float32)


def _profile(center: Floats, width: Floats, offsets: NDArray[np.int_], size: int) -> tuple[NDArray[np.int_], Floats]:
    """Return the pixels around each center along one axis and the dot's profile there, 0 outside: [dots, offsets]."""
    at = np.floor(center + 0.5).astype(np.int64)[:, None] + offsets
    part = np.exp(-(((at - center[:, None]) / width[:, None]) ** 2)) * ((at >= 0) & (at < size))
    return np.clip(at, 0, size - 1), part


@dataclass(frozen=True, eq=False)
class Ellipses:
    """Small smooth ellipses; every array is [n].

    Attributes:
        rows: rows of the centers, full-size px.
        cols: columns of the centers, full-size px.
        radius: half-width of the short axis, full-size px.
        stretch: length over width, at least 1.
        angle: direction of the long axis, radians from the column axis towards the row axis.
        brightness: brightness added at the center.
    """

    rows: Floats
    cols: Floats
    radius: Floats
    stretch: Floats
    angle: Floats
    brightness: Floats

    def draw(self, canvas: Canvas, plane: Plane) -> None:
        """Add the ellipses to plane [height, width], in place; one thinner than a pixel is drawn wider and fainter."""
        least = MIN_HALF_WIDTH / canvas.scale
        across = np.maximum(self.radius, least)
        along = np.maximum(self.radius * self.stretch, least)
        brightness = self.brightness * np.sqrt(self.radius * self.radius * self.stretch / (across * along))
        all_rows, all_cols = canvas.rows, canvas.cols
        for i in np.flatnonzero(brightness > 1e-4):
            at = canvas.around(self.rows[i], self.cols[i], 2.2 * along[i])
            down, right = all_rows[at[0]] - self.rows[i], all_cols[:, at[1]] - self.cols[i]
            c, s = np.cos(self.angle[i]), np.sin(self.angle[i])
            squared = ((right * c + down * s) / along[i]) ** 2 + ((down * c - right * s) / across[i]) ** 2
            plane[at] += (brightness[i] * np.exp(-squared * np.sqrt(squared))).astype(np.float32)
