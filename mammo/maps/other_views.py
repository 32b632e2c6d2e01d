"""Maps of context from the other images of an exam: the other view of the breast (ipsi), and the other breast (contra).

CC and MLO compress a breast in different directions, so that no pixel of one is a pixel of the other; but the distance
of a finding to the nipple is nearly the same in both. The ipsi maps therefore summarize the other view's saliency S
over an arc: all its cells at about the same distance from its nipple. The two breasts of a woman, both shown facing
right, are nearly alike in one view. The contra maps take S of the other breast at the corresponding place.

Both are functions of grid cells: a cell stands at its center.
"""

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Frame
from mammo.maps.view_geometry import (
    TOLERANCE_MM,
    Landmarks,
    cell_centers,
    corresponding,
    nipple_distance,
    spacing,
)

Maps = NDArray[np.float32]
"""Maps [channels, rows, cols] on the grid."""


def with_presence(maps: Maps | None, frame: Frame) -> Maps:
    """Maps of a source [4, rows, cols] and its presence map, 1 everywhere: [5, rows, cols] float32.

    All are 0 where there are no maps (None): the other image, or a nipple, is missing.
    """
    if maps is None:
        return np.zeros((5, *frame.grid), np.float32)
    return np.concatenate([maps, np.ones((1, *frame.grid), np.float32)])


def ipsi_maps(
    other: Maps, own: Landmarks, others: Landmarks, frame: Frame, tolerance_mm: float = TOLERANCE_MM
) -> Maps | None:
    """S of the other view along arcs of equal nipple distance, [4, rows, cols] in [0, 1]; None without a nipple.

    The channels are, at each cell of this view, the maximum and the mean of malignant S, then of benign S, over the
    other view's cells in its breast box whose distance to the nipple, in mm, is that of this cell up to a tolerance.
    They are 0 where there is no such cell.

    Args:
        other: S of the other view [2, rows, cols] in [0, 1], malignant then benign.
        own: landmarks of this image.
        others: landmarks of the other view.
        frame: the network window and its grid.
        tolerance_mm: half the width of an arc, mm.
    """
    if own.nipple is None or others.nipple is None:
        return None
    centers = cell_centers(frame)
    inside = others.in_breast_box(centers)
    to_nipple = nipple_distance(centers, own.nipple, spacing(own, others, frame)).ravel()
    of_others = nipple_distance(centers[inside], others.nipple, spacing(others, own, frame))
    order = np.argsort(of_others)
    sorted_distance, values = of_others[order], other[:, inside][:, order]
    first = np.searchsorted(sorted_distance, to_nipple - tolerance_mm, side="left")
    last = np.searchsorted(sorted_distance, to_nipple + tolerance_mm, side="right")
    found = np.stack([_range_max(values, first, last), _range_mean(values, first, last)], axis=1)
    return found.reshape(4, *frame.grid).astype(np.float32)


def contra_maps(own_maps: Maps, other_maps: Maps, own: Landmarks, others: Landmarks, frame: Frame) -> Maps | None:
    """S of the other breast at the corresponding place, and own S minus it, [4, rows, cols]; None without a nipple.

    The channels are malignant and benign S of the other breast in [0, 1], then own S minus them in [-1, 1].

    The corresponding place is that of view_geometry.corresponding. S is bilinear between the centers of cells, constant
    from the outermost centers to the edge of the grid, and 0 beyond it.

    Args:
        own_maps: S of this image [2, rows, cols] in [0, 1], malignant then benign.
        other_maps: S of the other breast, likewise.
        own: landmarks of this image.
        others: landmarks of the other breast, in the same view.
        frame: the network window and its grid.
    """
    places = corresponding(cell_centers(frame), own, others)
    if places is None:
        return None
    rows, cols = places[:, 0, 0], places[0, :, 1]  # the map is made axis by axis
    by_rows = np.moveaxis(_sampled(other_maps, rows / frame.cell_px), 1, 2)
    there = np.moveaxis(_sampled(by_rows, cols / frame.cell_px), 1, 2).astype(np.float32)
    return np.concatenate([there, own_maps - there])


def _range_mean(values: Maps, first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.float64]:
    """Means of values [K, N] over half-open ranges [M] of N: [K, M]; 0 over empty ones."""
    sums = np.pad(np.cumsum(values, axis=1, dtype=np.float64), ((0, 0), (1, 0)))
    return np.asarray((sums[:, last] - sums[:, first]) / np.maximum(last - first, 1))


def _range_max(values: Maps, first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.float64]:
    """Maxima of values [K, N], 0 or more, over half-open ranges [M] of N: [K, M]; 0 over empty ones.

    Level k of a table has the maxima over 2^k values from each on; two such runs cover any range.
    """
    table, size = [np.pad(values, ((0, 0), (0, 1)))], len(values[0])
    while 2 << (len(table) - 1) <= size:
        step, below = 1 << (len(table) - 1), table[-1]
        table.append(below.copy())
        table[-1][:, :-step] = np.maximum(below[:, :-step], below[:, step:])
    length = np.maximum(last - first, 1)
    level = np.floor(np.log2(length)).astype(np.intp)
    levels = np.stack(table, axis=1)
    found = np.maximum(levels[:, level, first], levels[:, level, np.maximum(last - (1 << level), first)])
    return np.where(last > first, found, 0.0)


def _sampled(maps: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maps [K, N, M] at places [P] along N, cells: [K, P, M], linear between the centers of cells, 0 beyond N cells."""
    n = maps.shape[1]
    place = np.clip(at - 0.5, 0, n - 1)
    low = np.minimum(place.astype(np.intp), max(n - 2, 0))
    share = (place - low)[:, None]
    values = maps[:, low] * (1 - share) + maps[:, np.minimum(low + 1, n - 1)] * share
    return np.where(((at >= 0) & (at < n))[:, None], values, 0.0)
