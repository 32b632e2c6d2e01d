"""Figures of images with lesion outlines, and of what the context network sees in them.

Every function takes arrays and returns a matplotlib Figure; cohort_figures gathers the arrays. Arrays of one image
share one frame, (row, col); pixel (r, c) covers [r, r + 1) x [c, c + 1).
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect, withStroke
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.records import FULL_SCALE, Floats, Ints, Pathology, Pixels
from mammo.reporting.result_figures import STYLE

Outlines = NDArray[np.uint8]
"""[H, W] of OutlineKind: what each pixel is inside of."""

LineStyle = Literal["-", "--", "-.", ":"]


class OutlineKind(IntEnum):
    """The kinds of outline. Figure 1 of the paper marks the first three in the colors of OUTLINE_STYLES."""

    NOTHING = 0
    MALIGNANT = 1
    BENIGN = 2
    HIGH_RISK = 3
    UNLABELED = 4


OUTLINE_STYLES: dict[OutlineKind, tuple[str, LineStyle, str]] = {
    OutlineKind.MALIGNANT: ("#ff3b30", "-", "malignant"),
    OutlineKind.BENIGN: ("#2fd158", "--", "benign"),
    OutlineKind.HIGH_RISK: ("#ffd60a", "-.", "high-risk benign"),
    OutlineKind.UNLABELED: ("#ffffff", ":", "no label"),
}
"""Color, line style and legend of each kind; line styles differ for readers who cannot distinguish red from green."""

WINDOW_BLUE = "#4aa8ff"
FAINT = 0.1
"""Least upper end of the saliency color scale, so that the noise of an empty map does not look bright."""

HALO: list[AbstractPathEffect] = [withStroke(linewidth=1.7, foreground="black")]
"""Keeps a thin bright line legible on bright tissue."""


def outline_kind(label: str, high_risk: bool) -> OutlineKind:
    """The outline kind of a lesion in the manifest."""
    if label == Pathology.BENIGN:
        return OutlineKind.HIGH_RISK if high_risk else OutlineKind.BENIGN
    return OutlineKind.MALIGNANT if label == Pathology.MALIGNANT else OutlineKind.UNLABELED


def outline_array(shape: tuple[int, int], lesions: Iterable[tuple[NDArray[np.bool_], Box, OutlineKind]]) -> Outlines:
    """Paint lesion masks into one array; where two overlap, the later one covers the earlier.

    Args:
        shape: (H, W) of the image's frame.
        lesions: mask [box.height, box.width], its box in that frame (may extend beyond the frame), and its kind.

    Returns:
        uint8 [H, W] of OutlineKind.
    """
    outlines = np.zeros(shape, dtype=np.uint8)
    for mask, box, kind in lesions:
        rows, cols = slice(max(box.row0, 0), box.row1), slice(max(box.col0, 0), box.col1)
        target = outlines[rows, cols]
        top, left = max(-box.row0, 0), max(-box.col0, 0)
        target[mask[top : top + target.shape[0], left : left + target.shape[1]]] = kind
    return outlines


def image_grid_figure(
    pixels: Sequence[Pixels], outlines: Sequence[Outlines], titles: Sequence[str], columns: int = 4
) -> Figure:
    """A grid of images with their outlines (paper, Figure 1).

    Args:
        pixels: uint16 [H, W] each, 0 to FULL_SCALE.
        outlines: uint8 [H, W] each, of OutlineKind.
        titles: one for each image.
        columns: images in a row.
    """
    rows = -(-len(pixels) // columns)
    height, width = pixels[0].shape
    with rc_context(STYLE):
        figure = Figure(figsize=(1.9 * columns, rows * (1.9 * height / width + 0.25) + 0.3), layout="constrained")
        for axes in np.ravel(figure.subplots(rows, columns, squeeze=False)):
            axes.set_axis_off()
        for axes, image, marked, title in zip(figure.axes, pixels, outlines, titles, strict=False):
            show_image(axes, image, marked)
            axes.set_title(title, fontsize=7.5, loc="center")
        outline_legend(figure, outlines)
    return figure


def saliency_figure(
    pixels: Pixels,
    outlines: Outlines,
    malignant: Floats,
    benign: Floats,
    regions: Ints,
    attention: Floats,
    region_px: int,
    title: str,
) -> Figure:
    """An image, both saliency maps over it, and the regions of interest with their attention (paper, Figure 2).

    Both maps share one color scale, up to the larger maximum, or up to FAINT if both are below.

    Args:
        pixels: uint16 [H, W], 0 to FULL_SCALE, network frame.
        outlines: uint8 [H, W] of OutlineKind.
        malignant: [rows, cols] saliency on the grid, in [0, 1]; a cell is a whole number of pixels.
        benign: [rows, cols], likewise.
        regions: [K, 2] upper left (row, col) of each region, network px.
        attention: [K] weights that sum to 1.
        region_px: side of a region, network px.
        title: of the figure.
    """
    height, width = pixels.shape
    scale_max = max(FAINT, float(malignant.max()), float(benign.max()))
    with rc_context(STYLE):
        figure = Figure(figsize=(8.6, 1.62 * height / width + 0.75), layout="constrained")
        (left, right), *_ = figure.subfigures(1, 2, squeeze=False, width_ratios=(3.3, 1.55))
        plain, *slots = left.subplots(1, 3)
        show_image(plain, pixels, outlines)
        plain.set_title("image and regions")
        for number, (row, col) in enumerate(regions, start=1):
            corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) * region_px + (row, col)
            plain.fill(corners[:, 1], corners[:, 0], fill=False, edgecolor=WINDOW_BLUE, linewidth=0.9)
            plain.annotate(str(number), (col, row), color="white", fontsize=7, path_effects=HALO, annotation_clip=True)
        for axes, name, grid in zip(slots, ("malignant", "benign"), (malignant, benign), strict=True):
            extent = (0, width, height, 0)
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=FULL_SCALE, extent=extent)
            alpha = _opacity(grid / scale_max)
            shown = axes.imshow(
                grid, cmap="inferno", vmin=0, vmax=scale_max, extent=extent, interpolation="nearest", alpha=alpha
            )
            _draw_outlines(axes, outlines)
            axes.set_title(f"{name} (max {grid.max():.2f})")
        bar = left.colorbar(ScalarMappable(shown.norm, "inferno"), ax=slots, shrink=0.6, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        for axes in (plain, *slots):
            axes.set_axis_off()
        _draw_regions(right, pixels, regions, attention, region_px)
        figure.suptitle(title, fontsize=9)
        outline_legend(figure, [outlines])
    return figure


def _opacity(share: Floats) -> Floats:
    """Opacity of cells by their share of the scale's maximum: 0 at 0, so that the image shows, and 0.85 at 1."""
    return np.asarray(0.85 * np.sqrt(share), dtype=np.float64)


def _draw_regions(figure: SubFigure, pixels: Pixels, regions: Ints, attention: Floats, region_px: int) -> None:
    """The pixels of each region, two in a row, titled with its number and attention."""
    slots = np.ravel(figure.subplots(-(-len(regions) // 2), 2, squeeze=False))
    for axes in slots:
        axes.set_axis_off()
    for number, (axes, (row, col), weight) in enumerate(zip(slots, regions, attention, strict=False), start=1):
        axes.imshow(pixels[row : row + region_px, col : col + region_px], cmap="gray", vmin=0, vmax=FULL_SCALE)
        axes.set_title(f"{number}: {weight:.2f}", fontsize=7.5, loc="center", pad=2)
    figure.suptitle("regions: attention", fontsize=8.5)


def show_image(axes: Axes, pixels: Pixels, outlines: Outlines) -> None:
    """Draw one image with its outlines: uint16 [H, W], 0 to FULL_SCALE, and uint8 [H, W] of OutlineKind."""
    height, width = pixels.shape
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=FULL_SCALE, extent=(0, width, height, 0))
    _draw_outlines(axes, outlines)


def _draw_outlines(axes: Axes, outlines: Outlines) -> None:
    """Draw the contours of every kind; the padding closes outlines that touch the image's edge."""
    padded = np.pad(outlines, 1)
    rows, cols = np.arange(0.5, padded.shape[0]), np.arange(0.5, padded.shape[1])  # centers of the pixels
    for kind, (color, line, _) in OUTLINE_STYLES.items():
        if (outlines == kind).any():
            inside = padded == kind
            contour = axes.contour(
                cols - 1, rows - 1, inside, levels=[0.5], colors=color, linestyles=line, linewidths=1.0
            )
            contour.set_path_effects(HALO)


def outline_legend(figure: Figure, outlines: Sequence[Outlines]) -> None:
    """Add a legend of the outline kinds that occur in uint8 [H, W] arrays, below the figure."""
    present = {OutlineKind(int(kind)) for marked in outlines for kind in np.unique(marked)}
    lines = [
        Line2D([], [], color="#444444" if kind is OutlineKind.UNLABELED else color, linestyle=line, label=word)
        for kind, (color, line, word) in OUTLINE_STYLES.items()
        if kind in present
    ]
    if lines:
        figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=8)
