"""Panels of the picture of a prediction: an image as a viewer shows it, with outline, crop windows and saliency map."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mammo.geometry import CORNERS, CropWindows, FrameChain
from mammo.inference.prediction import LesionPrediction
from mammo.records import FULL_SCALE, Floats, Pixels
from mammo.reporting.image_figures import HALO, WINDOW_BLUE

N_SHOWN = 10
"""Crop windows that are drawn."""

OUTLINE = "#ffd60a"
MARGIN = 1.5
"""Height and width of the enlarged part, as a multiple of what the outline and the windows need."""

BRIGHT = 0.5
"""Least upper end of the saliency color scale, so that pictures can be compared and a faint map looks faint."""


class DrawnImage:
    """An image as it is drawn: the breast box, and from the frame of the networks to it.

    Args:
        pixels: of the image store, uint16 [H, W], 0 to FULL_SCALE.
        chain: of the image.
        mirrored: whether it is drawn facing left.
    """

    def __init__(self, pixels: Pixels, chain: FrameChain, mirrored: bool) -> None:
        self.pixels, self.chain, self.mirrored = pixels, chain, mirrored

    def show(self, axes: Axes) -> None:
        """Draw the pixels."""
        height, width = self.pixels.shape
        shown = self.pixels[:, ::-1] if self.mirrored else self.pixels
        axes.imshow(shown, cmap="gray", vmin=0, vmax=FULL_SCALE, extent=(0, width, height, 0))
        axes.set_axis_off()

    def points(self, network: Floats) -> Floats:
        """Points [..., 2] (row, col), network px, as they are drawn."""
        found = network + self.chain.origin
        if self.mirrored:
            found[..., 1] = self.pixels.shape[1] - found[..., 1]
        return found


def lesion_outline(prediction: LesionPrediction) -> tuple[NDArray[np.bool_], Floats]:
    """The outline's mask [h, w], with a margin of a pixel, and the centers [h, w, 2] of its pixels, network px."""
    mask, box = prediction.chain.mask_to_network(prediction.outline.mask, prediction.outline.box)
    padded = np.pad(mask, 1)
    rows, cols = np.mgrid[: padded.shape[0], : padded.shape[1]]
    return padded, np.stack([rows + box.row0 - 0.5, cols + box.col0 - 0.5], axis=-1).astype(np.float64)


def draw_outline(axes: Axes, mask: NDArray[np.bool_], drawn: Floats, line: str = "solid") -> None:
    """Draw the contour of a mask [h, w] whose pixels have their centers [h, w, 2], as they are drawn."""
    contour = axes.contour(
        drawn[..., 1], drawn[..., 0], mask, levels=[0.5], colors=OUTLINE, linewidths=1.3, linestyles=line
    )
    contour.set_path_effects(HALO)


def draw_lesion(axes: Axes, prediction: LesionPrediction, image: DrawnImage, n_windows: int) -> None:
    """Draw the lesion's outline and the first windows."""
    mask, centers = lesion_outline(prediction)
    draw_outline(axes, mask, image.points(centers))
    for ring in _rings(prediction, image, n_windows) if n_windows else ():
        axes.fill(ring[:, 1], ring[:, 0], fill=False, edgecolor=WINDOW_BLUE, linewidth=0.8)


def show_all(axes: Axes, prediction: LesionPrediction, image: DrawnImage) -> None:
    """Show the breast, and the outline wherever it lies."""
    points = image.points(lesion_outline(prediction)[1]).reshape(-1, 2)
    corners = np.concatenate([points, [(0, 0), image.pixels.shape]])
    (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def enlarge(axes: Axes, prediction: LesionPrediction, image: DrawnImage) -> None:
    """Show the part around the windows, moved or cut so that it lies on the image: nothing is drawn beside that."""
    points, size = _rings(prediction, image, N_SHOWN).reshape(-1, 2), np.array(image.pixels.shape)
    center, side = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0).max() * MARGIN
    first = np.clip(center - side / 2, 0, np.maximum(size - side, 0))
    last = np.minimum(first + side, size)
    axes.set(xlim=(first[1], last[1]), ylim=(last[0], first[0]))


def draw_saliency(axes: Axes, malignant: NDArray[np.float32], image: DrawnImage) -> None:
    """Draw the malignant saliency map [rows, cols] over the image, clear where it is 0."""
    frame = image.chain.frame
    corners = image.points(np.array([(0.0, 0.0), (frame.height, frame.width)]))
    (top, left), (bottom, right) = corners
    grid, most = malignant.astype(np.float64), max(BRIGHT, float(malignant.max()))
    axes.imshow(
        grid,
        cmap="inferno",
        vmin=0,
        vmax=most,
        extent=(left, right, bottom, top),
        interpolation="nearest",
        alpha=0.85 * np.sqrt(grid / most),
    )


def _rings(prediction: LesionPrediction, image: DrawnImage, n_windows: int) -> Floats:
    """Corners [n, 4, 2] (row, col) of the first windows, as they are drawn."""
    windows = CropWindows(prediction.windows[:n_windows])
    return image.points(windows.to_frame(np.array([CORNERS])))
