"""The nipple on an image: the point of the skin that lies farthest from the chest wall.

In CC that is the rightmost point. In MLO the breast hangs, and far is a little below horizontal. Nothing is asked of
the nipple's own look, since many images do not show it in profile. The skin is where the tissue shares of the grid end,
which is finer than a cell, because a cell at the skin is covered in part.
"""

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Frame
from mammo.records import View

TILT = {View.CC: 0.0, View.MLO: 12.0}
"""Angle below horizontal in which a point is far, degrees. On films with a visible nipple 12 degrees come nearest; the
normal of the pectoral muscle's edge, found on each film, misses it by half as much again."""

FINER = 8
"""The skin is followed at this many places per cell."""

SMOOTH = 0.67
"""SD of its smoothing, cells (3 mm at full size)."""

LEVEL = 0.11
"""Points this near to the farthest one are as far, cells (0.5 mm): the nipple is in their middle."""

ENDS = (0.08, 0.95)
"""Part of the breast's rows in which the nipple lies."""

MIN_ROWS = 4
"""Smallest number of rows of cells with tissue."""


def find_nipple(tissue: NDArray[np.floating], view: View, frame: Frame) -> tuple[float, float] | None:
    """The nipple's place, (row, col), network px; None if the skin has no farthest point, as of a breast cut short.

    Args:
        tissue: share of each grid cell covered by breast tissue, [rows, cols] in [0, 1].
        view: CC or MLO.
        frame: the network window and its grid.
    """
    covered = tissue >= 0.5
    found = np.flatnonzero(covered.any(axis=1))
    if len(found) < MIN_ROWS:
        return None
    rows = np.arange(found[0] + 0.5, found[-1] + 0.5, 1 / FINER)
    cols = _smooth(np.interp(rows, found + 0.5, _skin(tissue[found], covered[found])), SMOOTH * FINER)
    tilt = np.radians(TILT[view])
    reach = cols * np.cos(tilt) + rows * np.sin(tilt)
    first, last = (round(share * len(rows)) for share in ENDS)
    middle = _middle_of_peak(reach[first:last], LEVEL)
    if middle is None:
        return None
    return float(rows[first + middle] * frame.cell_px), float(cols[first + middle] * frame.cell_px)


def _skin(tissue: NDArray[np.floating], covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The column [N], cells, at which tissue ends in rows of cells [N, cols], each with a covered cell."""
    start = covered.argmax(axis=1)
    counted = np.arange(tissue.shape[1]) >= start[:, None]
    return np.asarray(start + np.where(counted, tissue, 0.0).sum(axis=1))


def _smooth(values: NDArray[np.float64], sd: float) -> NDArray[np.float64]:
    """Values [N] smoothed by a Gaussian with this SD, in places; the ends go on as they are."""
    reach = round(3 * sd)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), weights / weights.sum(), mode="valid")


def _middle_of_peak(reach: NDArray[np.float64], level: float) -> int | None:
    """The middle of the points around the highest peak that are as high up to a level; None without a peak.

    A curve that falls from its first point on, as below an axilla, has its highest point there, but no peak.
    """
    steps = np.diff(reach)
    rising, falling = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)
    if not (rising.size and falling.size) or rising[0] > falling[-1]:
        return None
    start, stop = int(rising[0]), int(falling[-1]) + 2
    peak = start + int(reach[start:stop].argmax())
    lower = np.flatnonzero(reach < reach[peak] - level)
    before, after = lower[lower < peak], lower[lower > peak]
    return (int(before[-1] if before.size else -1) + int(after[0] if after.size else len(reach))) // 2
