"""Pictures of images: their outlines, and what the context network sees in them.

Every function takes plain arrays and returns a figure. Images are 12-bit presentation values; where several arrays
belong to one image they are in one frame, (row, col), pixel (r, c) covering [r, r + 1) x [c, c + 1). Outlines come as
one array of OutlineKind per pixel.
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
from mammo.records import FULL_SCALE, Floats, Pathology, Pixels
from mammo.reporting.result_figures import LOOK

Kinds = NDArray[np.uint8]
Line = Literal["-", "--", "-.", ":"]


class OutlineKind(IntEnum):
    """What a pixel of an outline array is inside of. The paper's Figure 1 marks the first three in these colours."""

    NOTHING = 0
    MALIGNANT = 1
    BENIGN = 2
    HIGH_RISK = 3
    UNLABELLED = 4


PENS: dict[OutlineKind, tuple[str, Line, str]] = {
    OutlineKind.MALIGNANT: ("#ff3b30", "-", "malignant"),
    OutlineKind.BENIGN: ("#2fd158", "--", "benign"),
    OutlineKind.HIGH_RISK: ("#ffd60a", "-.", "high-risk benign"),
    OutlineKind.UNLABELLED: ("#ffffff", ":", "no label"),
}
"""Colour, line and word of each kind; the line tells red from green where the colour does not."""

WINDOW_BLUE = "#4aa8ff"
FAINT = 0.1
"""Saliency below this looks faint: a map that says nothing is not stretched until its noise shines."""

HALO: list[AbstractPathEffect] = [withStroke(linewidth=1.7, foreground="black")]
"""Keeps a thin bright line legible on bright tissue."""


def outline_kind(label: str, high_risk: bool) -> OutlineKind:
    """The kind that a lesion of the manifest is drawn as."""
    if label == Pathology.BENIGN:
        return OutlineKind.HIGH_RISK if high_risk else OutlineKind.BENIGN
    return OutlineKind.MALIGNANT if label == Pathology.MALIGNANT else OutlineKind.UNLABELLED


def outline_array(shape: tuple[int, int], lesions: Iterable[tuple[NDArray[np.bool_], Box, OutlineKind]]) -> Kinds:
    """Paint lesion masks into one array; where two overlap, the later is on top.

    Args:
        shape: (H, W) of the image's frame.
        lesions: mask [box.height, box.width], its box in that frame (it may reach over the edge), and its kind.

    Returns:
        uint8 [H, W] of OutlineKind.
    """
    kinds = np.zeros(shape, dtype=np.uint8)
    for mask, box, kind in lesions:
        rows, cols = slice(max(box.row0, 0), box.row1), slice(max(box.col0, 0), box.col1)
        target = kinds[rows, cols]
        top, left = max(-box.row0, 0), max(-box.col0, 0)
        target[mask[top : top + target.shape[0], left : left + target.shape[1]]] = kind
    return kinds


def image_page(pixels: Sequence[Pixels], outlines: Sequence[Kinds], titles: Sequence[str], columns: int = 4) -> Figure:
    """A page of images with their outlines (paper, Figure 1).

    Args:
        pixels: uint16 [H, W] each, 0 to FULL_SCALE.
        outlines: uint8 [H, W] each.
        titles: a line above each.
        columns: images a row.
    """
    rows = -(-len(pixels) // columns)
    height, width = pixels[0].shape
    with rc_context(LOOK):
        figure = Figure(figsize=(1.9 * columns, rows * (1.9 * height / width + 0.25) + 0.3), layout="constrained")
        for axes in np.ravel(figure.subplots(rows, columns, squeeze=False)):
            axes.set_axis_off()
        for axes, image, kinds, title in zip(figure.axes, pixels, outlines, titles, strict=False):
            show_image(axes, image, kinds)
            axes.set_title(title, fontsize=7.5, loc="center")
        outline_legend(figure, outlines)
    return figure


def saliency_page(
    pixels: Pixels,
    outlines: Kinds,
    malignant: Floats,
    benign: Floats,
    regions: NDArray[np.int64],
    attention: Floats,
    region_px: int,
    title: str,
) -> Figure:
    """An image, both saliency maps over it, and the regions of interest with their attention (paper, Figure 2).

    Both maps share one scale of colours, up to the brighter one's maximum, or FAINT where neither reaches it.

    Args:
        pixels: uint16 [H, W], network frame.
        outlines: uint8 [H, W].
        malignant: [rows, cols] of the grid, in [0, 1]; a whole number of pixels a cell.
        benign: likewise.
        regions: [K, 2] upper left (row, col) of each region, px.
        attention: [K] weights that sum to 1.
        region_px: side of a region.
        title: names the image.
    """
    height, width = pixels.shape
    most = max(FAINT, float(malignant.max()), float(benign.max()))
    with rc_context(LOOK):
        figure = Figure(figsize=(8.6, 1.62 * height / width + 0.75), layout="constrained")
        (left, right), *_ = figure.subfigures(1, 2, squeeze=False, width_ratios=(3.3, 1.55))
        plain, *slots = left.subplots(1, 3)
        show_image(plain, pixels, outlines)
        plain.set_title("image and regions")
        for number, (row, col) in enumerate(regions, start=1):
            ring = np.array([(0, 0), (0, 1), (1, 1), (1, 0)]) * region_px + (row, col)
            plain.fill(ring[:, 1], ring[:, 0], fill=False, edgecolor=WINDOW_BLUE, linewidth=0.9)
            plain.annotate(str(number), (col, row), color="white", fontsize=7, path_effects=HALO, annotation_clip=True)
        for axes, name, grid in zip(slots, ("malignant", "benign"), (malignant, benign), strict=True):
            extent = (0, width, height, 0)
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=FULL_SCALE, extent=extent)
            veil = _veil(grid / most)
            shown = axes.imshow(
                grid, cmap="inferno", vmin=0, vmax=most, extent=extent, interpolation="nearest", alpha=veil
            )
            _draw(axes, outlines)
            axes.set_title(f"{name} (max {grid.max():.2f})")
        bar = left.colorbar(ScalarMappable(shown.norm, "inferno"), ax=slots, shrink=0.6, pad=0.02)
        bar.ax.tick_params(labelsize=7)
        for axes in (plain, *slots):
            axes.set_axis_off()
        _regions(right, pixels, regions, attention, region_px)
        figure.suptitle(title, fontsize=9)
        outline_legend(figure, [outlines])
    return figure


def _veil(share: Floats) -> Floats:
    """How much of the image each cell's share of the brightest saliency hides: nothing at 0, most of it at 1."""
    return np.asarray(0.85 * np.sqrt(share), dtype=np.float64)


def _regions(figure: SubFigure, pixels: Pixels, regions: NDArray[np.int64], attention: Floats, region_px: int) -> None:
    """The pixels of each region, two a row, with what each counts."""
    slots = np.ravel(figure.subplots(-(-len(regions) // 2), 2, squeeze=False))
    for axes in slots:
        axes.set_axis_off()
    for number, (axes, (row, col), weight) in enumerate(zip(slots, regions, attention, strict=False), start=1):
        axes.imshow(pixels[row : row + region_px, col : col + region_px], cmap="gray", vmin=0, vmax=FULL_SCALE)
        axes.set_title(f"{number}: {weight:.2f}", fontsize=7.5, loc="center", pad=2)
    figure.suptitle("regions: attention", fontsize=8.5)


def show_image(axes: Axes, pixels: Pixels, outlines: Kinds) -> None:
    """One image with its outlines: uint16 [H, W] and uint8 [H, W]."""
    height, width = pixels.shape
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=FULL_SCALE, extent=(0, width, height, 0))
    _draw(axes, outlines)


def _draw(axes: Axes, outlines: Kinds) -> None:
    """Contour every kind; a ring of nothing around the image closes outlines that touch its edge."""
    padded = np.pad(outlines, 1)
    cols, rows = _centres(padded.shape)
    for kind, (colour, line, _) in PENS.items():
        if (outlines == kind).any():
            inside = padded == kind
            ring = axes.contour(
                cols - 1, rows - 1, inside, levels=[0.5], colors=colour, linestyles=line, linewidths=1.0
            )
            ring.set_path_effects(HALO)


def _centres(shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Column and row of the pixel centres."""
    return np.arange(0.5, shape[1]), np.arange(0.5, shape[0])


def outline_legend(figure: Figure, outlines: Sequence[Kinds]) -> None:
    """The kinds that occur in these outlines, below the figure."""
    present = {OutlineKind(int(k)) for kinds in outlines for k in np.unique(kinds)}
    lines = [
        Line2D([], [], color="#444444" if kind is OutlineKind.UNLABELLED else colour, linestyle=line, label=word)
        for kind, (colour, line, word) in PENS.items()
        if kind in present
    ]
    if lines:
        figure.legend(handles=lines, loc="outside lower center", ncols=len(lines), fontsize=8)
