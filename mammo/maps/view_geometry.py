"""Geometry between the images of an exam: arcs of equal nipple distance, and corresponding places of the two breasts.

CC and MLO compress a breast in different directions, so that no pixel of one is a pixel of the other; but the distance
of a finding to the nipple is nearly the same in both. The two breasts of a woman, both shown facing right, are nearly
alike in one view.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Frame, Points

TOLERANCE_MM = 12.0
"""Half the width of an arc, mm: about the error of equal nipple distance, with that of the nipple's place."""

FULL_PX_MM = 0.07
"""Assumed mm of a full-size pixel where no image states its spacing."""

Place = tuple[float, float]
"""(row, col), network px."""


@dataclass(frozen=True)
class Landmarks:
    """The places of one image by which it is compared with another; network frame, px.

    Attributes:
        nipple: (row, col) of the nipple; None if it was not found.
        top_left: (row, col) of the breast box's first corner; can be negative.
        bottom_right: (row, col) of its last corner, exclusive; beyond top_left.
        px_mm: mm between pixels of the network frame; None if unknown.
    """

    nipple: Place | None
    top_left: Place
    bottom_right: Place
    px_mm: float | None = None

    def in_breast_box(self, points: Points) -> NDArray[np.bool_]:
        """Whether points [..., 2] (row, col), network px, lie in the breast box: bool [...]."""
        return np.asarray(((points >= self.top_left) & (points < self.bottom_right)).all(axis=-1))


@dataclass(frozen=True)
class Arc:
    """The band of the other view that is as far from its nipple as a place of this view; only its breast box counts.

    Attributes:
        nipple: (row, col) of the other view's nipple, the center; network px, as the radii.
        near: inner radius, at least 0.
        far: outer radius.
        distance_mm: of the place, and of the band's middle, to the nipple.
        tolerance_mm: half the band's width.
    """

    nipple: Place
    near: float
    far: float
    distance_mm: float
    tolerance_mm: float


def arc_of(
    place: Place, own: Landmarks, others: Landmarks, frame: Frame, tolerance_mm: float = TOLERANCE_MM
) -> Arc | None:
    """The arc of the other view at the same nipple distance as a place of this view; None without either nipple.

    Args:
        place: (row, col), network px of this view.
        own: landmarks of this view.
        others: landmarks of the other view.
        frame: the network window.
        tolerance_mm: half the width of the arc, mm.
    """
    if own.nipple is None or others.nipple is None:
        return None
    distance = float(nipple_distance(np.array(place), own.nipple, spacing(own, others, frame)))
    px_mm = spacing(others, own, frame)
    near, far = max(0.0, distance - tolerance_mm) / px_mm, (distance + tolerance_mm) / px_mm
    return Arc(others.nipple, near, far, distance, tolerance_mm)


def corresponding(points: Points, own: Landmarks, others: Landmarks) -> Points | None:
    """The places of the other breast that correspond to points [..., 2], (row, col), network px; None without a nipple.

    They lie at the same offset from the nipple, scaled by the height and width of the breast boxes: an affine map, axis
    by axis, that takes nipple to nipple. Both breasts face right.
    """
    if own.nipple is None or others.nipple is None:
        return None
    ratio = np.subtract(others.bottom_right, others.top_left) / np.subtract(own.bottom_right, own.top_left)
    return np.asarray(others.nipple + (points - own.nipple) * ratio)


def cell_centers(frame: Frame) -> Points:
    """Centers of the grid cells [rows, cols, 2], (row, col), network px."""
    rows, cols = (np.arange(n) + 0.5 for n in frame.grid)
    return np.stack(np.meshgrid(rows, cols, indexing="ij"), axis=-1) * frame.cell_px


def spacing(image: Landmarks, other: Landmarks, frame: Frame) -> float:
    """The mm between network pixels of an image: its own, else the other image's, else the usual one."""
    return image.px_mm or other.px_mm or FULL_PX_MM / frame.fineness


def nipple_distance(points: Points, nipple: Place, px_mm: float) -> NDArray[np.float64]:
    """Distance to the nipple, mm, of points [..., 2] (row, col), network px, px_mm apart: [...]."""
    return np.asarray(np.hypot(*np.moveaxis(points - nipple, -1, 0)) * px_mm)
