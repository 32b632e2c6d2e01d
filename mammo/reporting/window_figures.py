"""Figures of crop windows on their image, beside the patches cut from them.

Arrays as in image_figures. A window's number stands at its upper left corner on the image and above its patch, with the
window's side in pixels of the network frame.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from mammo.geometry import CropWindow
from mammo.records import FULL_SCALE, Floats, Pixels
from mammo.reporting.image_figures import HALO, WINDOW_BLUE, Outlines, outline_legend, show_image
from mammo.reporting.result_figures import STYLE

N_WINDOWS, N_PATCHES = 10, 6
"""Windows shown of a lesion (paper, Figure 5), and of a patch class (Figure 3)."""


def lesion_windows_figure(
    pixels: Pixels,
    outlines: Outlines,
    windows: Floats,
    patches: Pixels,
    title: str,
    mirrored: bool = False,
    px_mm: float = 0.0,
) -> Figure:
    """One image with ten of a lesion's crop windows, and the patches cut from them beside it (paper, Figure 5).

    Args:
        pixels: uint16 [H, W], 0 to FULL_SCALE, network frame.
        outlines: uint8 [H, W] of OutlineKind.
        windows: [N, 4] row, col, side, angle, network px and degrees; the first N_WINDOWS are drawn.
        patches: uint16 [N, P, P], cut from the windows.
        title: of the figure.
        mirrored: whether everything is drawn mirrored, as a viewer shows a file that was mirrored to face right.
        px_mm: size of a network pixel, mm; 0 if unknown, for sides of windows in network px.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(8.6, 3.9), layout="constrained")
        (left, right), *_ = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.15, 1.0))
        whole, near = left.subplots(1, 2)
        rings = _corners(windows[:N_WINDOWS])
        for axes in (whole, near):
            show_image(axes, pixels, outlines)
            axes.set_axis_off()
        _draw_windows(whole, rings, numbered=False)
        _draw_windows(near, rings, numbered=True, mirrored=mirrored)
        corners = np.concatenate(rings)
        (top, first), (bottom, last) = corners.min(axis=0) - 3, corners.max(axis=0) + 3
        near.set(xlim=(first, last), ylim=(bottom, top), title="enlarged")
        whole.set(xlim=(0, pixels.shape[1]), ylim=(pixels.shape[0], 0), title="image and windows")
        shown = patches[:, :, ::-1] if mirrored else patches
        _draw_patches(list(np.ravel(right.subplots(3, 4))), windows[:N_WINDOWS], shown, px_mm)
        if mirrored:
            for axes in (whole, near):
                axes.invert_xaxis()
        figure.suptitle(title, fontsize=9)
        outline_legend(figure, [outlines])
    return figure


def class_patches_figure(
    classes: Sequence[str],
    pixels: Sequence[Pixels],
    outlines: Sequence[Outlines],
    windows: Sequence[Floats],
    patches: Sequence[Pixels],
) -> Figure:
    """For each patch class one image with training windows, and the patches cut from them (paper, Figure 3).

    Args:
        classes: name of each class.
        pixels: uint16 [H, W] of each class's image, 0 to FULL_SCALE, network frame.
        outlines: uint8 [H, W] of OutlineKind, likewise.
        windows: [N, 4] row, col, side, angle, network px and degrees, likewise; the first N_PATCHES are drawn.
        patches: uint16 [N, P, P], cut from the windows, likewise.
    """
    n_rows = -(-len(classes) // 2)
    with rc_context(STYLE):
        figure = Figure(figsize=(8.6, 3.3 * n_rows + 0.3), layout="constrained")
        panels = np.ravel(figure.subfigures(n_rows, 2, squeeze=False))
        for panel, name, *arrays in zip(panels, classes, pixels, outlines, windows, patches, strict=False):
            panel.suptitle(name, fontsize=10, fontweight="bold")
            _class_panel(panel, *arrays)
        outline_legend(figure, outlines)
    return figure


def _class_panel(panel: SubFigure, pixels: Pixels, outlines: Outlines, windows: Floats, patches: Pixels) -> None:
    (left, right), *_ = panel.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 1.1))
    whole = left.subplots()
    show_image(whole, pixels, outlines)
    whole.set_axis_off()
    _draw_windows(whole, _corners(windows[:N_PATCHES]), numbered=True)
    whole.set(xlim=(0, pixels.shape[1]), ylim=(pixels.shape[0], 0))
    _draw_patches(list(np.ravel(right.subplots(3, 2))), windows[:N_PATCHES], patches)


def _corners(windows: Floats) -> list[Floats]:
    """The corners [4, 2] (row, col) of each window."""
    return [CropWindow(*map(float, window)).corners() for window in windows]


def _draw_windows(axes: Axes, rings: list[Floats], numbered: bool, mirrored: bool = False) -> None:
    """Draw rings [4, 2] (row, col), each numbered at the corner that is its upper left one as it is drawn."""
    to_left = -1 if mirrored else 1
    for number, ring in enumerate(rings, start=1):
        axes.fill(ring[:, 1], ring[:, 0], fill=False, edgecolor=WINDOW_BLUE, linewidth=0.9)
        if numbered:
            row, col = ring[np.argmin(ring @ (1, to_left))].clip(min=0)
            style: dict[str, Any] = {"fontsize": 7.5, "color": "white", "path_effects": HALO, "annotation_clip": True}
            axes.annotate(str(number), (col, row), (1.5, -1.5), textcoords="offset points", va="top", **style)


def _draw_patches(slots: list[Axes], windows: Floats, patches: Pixels, px_mm: float = 0.0) -> None:
    for number, axes in enumerate(slots):
        axes.set_axis_off()
        if number < min(len(windows), len(patches)):
            axes.imshow(patches[number], cmap="gray", vmin=0, vmax=FULL_SCALE)
            side = windows[number][2]
            size = f"{side * px_mm:.0f} mm" if px_mm else f"{side:.0f} px"
            axes.set_title(f"{number + 1}: {size}", fontsize=7.5, color="#2266aa", loc="center", pad=2)
