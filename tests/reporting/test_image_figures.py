"""Outlines, saliency maps and regions are drawn where they lie on the image."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.reporting.image_figures import (
    OutlineKind,
    image_grid_figure,
    outline_array,
    outline_kind,
    saliency_figure,
)

PIXELS = np.full((92, 60), 2000, dtype=np.uint16)
DISC = np.add.outer(np.arange(-5, 6) ** 2, np.arange(-5, 6) ** 2) <= 25
OUTLINES = outline_array((92, 60), [(DISC, Box(10, 21, 20, 31), OutlineKind.MALIGNANT)])


REGIONS = np.array([[8, 16], [24, 0], [40, 8], [16, 32], [64, 24], [80, 48]])
ATTENTION = np.array([0.5, 0.2, 0.1, 0.1, 0.07, 0.03])


def rendered(figure: Figure) -> NDArray[np.int64]:
    """The figure as pixels [H, W, 3]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def n_red(figure: Figure) -> int:
    image = rendered(figure)
    return ((image[..., 0] > 220) & (image[..., 1] < 110)).sum()


def test_outline_kinds_follow_label_and_risk() -> None:
    kinds = [
        outline_kind(*case) for case in (("malignant", False), ("benign", False), ("benign", True), ("none", True))
    ]
    assert [kind.name for kind in kinds] == ["MALIGNANT", "BENIGN", "HIGH_RISK", "UNLABELED"]


def test_outlines_are_painted_in_their_box_and_cut_at_the_edge() -> None:
    assert (OUTLINES[10:21, 20:31] == DISC * OutlineKind.MALIGNANT).all()
    assert OUTLINES.sum() == DISC.sum()
    over = outline_array((92, 60), [(DISC, Box(-4, 7, 55, 66), OutlineKind.BENIGN)])
    assert (over[:7, 55:] == DISC[4:, :5] * OutlineKind.BENIGN).all()
    assert np.count_nonzero(over) == DISC[4:, :5].sum()


def test_only_a_malignant_outline_is_red() -> None:
    nothing = np.zeros_like(OUTLINES)
    assert n_red(image_grid_figure([PIXELS], [OUTLINES], ["a"], columns=1)) > 100
    assert n_red(image_grid_figure([PIXELS], [nothing], ["a"], columns=1)) == 0


def test_saliency_cells_cover_the_whole_frame() -> None:
    grid = np.zeros((46, 30))
    grid[0, 0] = 1.0
    figure = saliency_figure(PIXELS, OUTLINES, grid, grid, REGIONS, ATTENTION, 8, "image")
    over = figure.axes[1].images[1]
    assert tuple(over.get_extent()) == (0, 60, 92, 0)
    assert over.get_clim() == (0, 1)
    assert over.get_alpha()[0, 0] > 0.8
    assert not over.get_alpha()[1:].any(), "the image shows where there is no saliency"
    assert n_red(figure) > 50


@pytest.mark.parametrize(("malignant", "benign", "most"), [(0.2, 0.4, 0.4), (0.3, 0.1, 0.3), (0.02, 0.03, 0.1)])
def test_both_maps_share_the_scale_of_the_larger_maximum_unless_both_are_faint(
    malignant: float, benign: float, most: float
) -> None:
    grids = np.full((46, 30), malignant), np.full((46, 30), benign)
    figure = saliency_figure(PIXELS, OUTLINES, *grids, REGIONS, ATTENTION, 8, "image")
    for axes, saliency in zip(figure.axes[1:3], (malignant, benign), strict=True):
        assert axes.images[1].get_clim() == (0, most)
        assert np.allclose(axes.images[1].get_alpha(), 0.85 * (saliency / most) ** 0.5)


def test_regions_are_drawn_at_their_place_with_their_attention() -> None:
    pixels = np.arange(92 * 60, dtype=np.uint16).reshape(92, 60) % 4000
    figure = saliency_figure(pixels, OUTLINES, np.zeros((46, 30)), np.zeros((46, 30)), REGIONS, ATTENTION, 8, "image")
    drawn = [polygon.get_xy()[:4, ::-1].min(axis=0).tolist() for polygon in figure.axes[0].patches]
    assert drawn == REGIONS.tolist()
    crops = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().shape == (8, 8)]
    assert [axes.get_title() for axes in crops] == [f"{n}: {w:.2f}" for n, w in enumerate(ATTENTION, start=1)]
    for axes, (row, col) in zip(crops, REGIONS.tolist(), strict=True):
        assert np.array_equal(axes.images[0].get_array(), pixels[row : row + 8, col : col + 8])
