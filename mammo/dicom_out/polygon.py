"""Outlines as polygons for reports: rings of points around the pixels inside."""

from typing import NamedTuple

import cv2
import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from mammo.geometry import Points
from mammo.inference.outlines import Drawn

MOST_POINTS = 8000
"""Points of one polygon: Graphic Data (0070,0022) holds 64 KiB at most, 8 bytes a point."""


class Ring(NamedTuple):
    """The polygon of an outline."""

    points: Points
    """[N, 2], (row, col), continuous stored px; the last point is the first."""
    exact: bool
    """Whether the polygon encloses the centers of exactly the pixels inside: the outline is in one part, without holes,
    and has few enough points."""


def ring_around(outline: Drawn) -> Ring:
    """Return the polygon [N, 2] around the largest part of an outline, (row, col), continuous stored px.

    It encloses the centers of the pixels inside, holes included.
    """
    mask = np.pad(outline.mask, 1).astype(np.uint8)
    n_parts, parts, facts, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    lines = contour_generator(z=(parts == largest).astype(np.float64)).lines(0.5)
    outer = max((np.asarray(line, dtype=np.float64) for line in lines), key=_area)
    ring, simplified = _simplified(_without_middles(outer))
    start = np.array([outline.box.row0, outline.box.col0]) - 0.5  # the center of pixel c of the padded mask: c - 0.5
    return Ring(ring[:, ::-1] + start, n_parts == 2 and len(lines) == 1 and not simplified)


def _area(line: NDArray[np.float64]) -> float:
    """Twice the area that a closed line [N, 2] encloses."""
    x, y = line[:-1].T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _without_middles(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line [N, 2] without the points that lie between their neighbors on a straight line."""
    points = line[:-1]
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    corners = points[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
    return np.concatenate([corners, corners[:1]])


def _simplified(line: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
    """A closed line [N, 2] with at most MOST_POINTS points, and whether that changed it."""
    ring, tolerance = line, 0.5
    while len(ring) > MOST_POINTS:
        corners = cv2.approxPolyDP(line[:-1].astype(np.float32), tolerance, closed=True)[:, 0].astype(np.float64)
        ring, tolerance = np.concatenate([corners, corners[:1]]), 2 * tolerance
    return ring, ring is not line
