"""Maps of context from the other images of an exam: the other view of the breast (ipsi), and the other breast (contra).

Both lay the saliency maps S of the other image over this one: nipple on nipple, and breast box on breast box. For the
other breast in the same view this is the corresponding place, since the two breasts of a woman, both shown facing
right, are nearly alike. CC and MLO compress a breast in different directions: there only the depth behind the nipple
corresponds. Maxima and means of S over arcs of equal nipple distance gave f_agg less than S itself on phantoms
(docs/explanation/measurements.md).

Both are functions of grid cells: a cell stands at its center.
"""

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Frame
from mammo.maps.view_geometry import Landmarks, cell_centers, corresponding

Maps = NDArray[np.float32]
"""Maps [channels, rows, cols] on the grid."""


def with_presence(maps: Maps | None, n_channels: int, frame: Frame) -> Maps:
    """Maps of a source and its presence map, 1 everywhere: [n_channels, rows, cols] float32.

    All are 0 where there are no maps (None): the other image, or a nipple, is missing.
    """
    if maps is None:
        return np.zeros((n_channels, *frame.grid), np.float32)
    return np.concatenate([maps, np.ones((1, *frame.grid), np.float32)])


def laid_over(other: Maps, own: Landmarks, others: Landmarks, frame: Frame) -> Maps | None:
    """S of another image, laid over this one: [2, rows, cols] in [0, 1], malignant then benign; None without a nipple.

    These are the maps ipsi, of the other view. The place in the other image is that of view_geometry.corresponding. S
    is bilinear between the centers of cells, constant from the outermost centers to the edge of the grid, and 0 beyond
    it.

    Args:
        other: S of the other image [2, rows, cols] in [0, 1], malignant then benign.
        own: landmarks of this image.
        others: landmarks of the other image.
        frame: the network window and its grid.
    """
    places = corresponding(cell_centers(frame), own, others)
    if places is None:
        return None
    rows, cols = places[:, 0, 0], places[0, :, 1]  # the map is made axis by axis
    by_rows = np.moveaxis(_sampled(other, rows / frame.cell_px), 1, 2)
    return np.moveaxis(_sampled(by_rows, cols / frame.cell_px), 1, 2).astype(np.float32)


def contra_maps(own_maps: Maps, other_maps: Maps, own: Landmarks, others: Landmarks, frame: Frame) -> Maps | None:
    """S of the other breast, laid over this one, and own S minus it, [4, rows, cols]; None without a nipple.

    The channels are malignant and benign S of the other breast in [0, 1], as in laid_over, then own S minus them in
    [-1, 1].

    Args:
        own_maps: S of this image [2, rows, cols] in [0, 1], malignant then benign.
        other_maps: S of the other breast, likewise.
        own: landmarks of this image.
        others: landmarks of the other breast, in the same view.
        frame: the network window and its grid.
    """
    there = laid_over(other_maps, own, others, frame)
    return None if there is None else np.concatenate([there, own_maps - there])


def _sampled(maps: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maps [K, N, M] at places [P] along N, cells: [K, P, M], linear between the centers of cells, 0 beyond N cells."""
    n = maps.shape[1]
    place = np.clip(at - 0.5, 0, n - 1)
    low = np.minimum(place.astype(np.intp), max(n - 2, 0))
    share = (place - low)[:, None]
    values = maps[:, low] * (1 - share) + maps[:, np.minimum(low + 1, n - 1)] * share
    return np.where(((at >= 0) & (at < n))[:, None], values, 0.0)
