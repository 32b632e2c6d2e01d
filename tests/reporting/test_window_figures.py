"""Windows are drawn at their place on the image, and each patch under its window's number."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mammo.geometry import CropWindow
from mammo.reporting.image_figures import OutlineKind
from mammo.reporting.window_figures import class_patches_figure, lesion_windows_figure

PIXELS = np.full((92, 60), 2000, dtype=np.uint16)
OUTLINES = np.zeros((92, 60), dtype=np.uint8)
OUTLINES[10:21, 20:31] = OutlineKind.MALIGNANT
WINDOWS = np.array([[15.0, 25.0, 10 + i, 5.0 * i] for i in range(12)])
PATCHES = np.arange(12, dtype=np.uint16)[:, None, None] * np.ones((12, 8, 8), dtype=np.uint16)


def polygons(axes: Axes) -> list[NDArray[np.float64]]:
    return [polygon.get_xy()[:4, ::-1] for polygon in axes.patches]


def numbers(axes: Axes) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.xy for text in axes.texts}


def test_ten_windows_are_drawn_on_the_whole_image_and_enlarged() -> None:
    whole, near, *slots = lesion_windows_figure(PIXELS, OUTLINES, WINDOWS, PATCHES, "lesion").axes
    for axes in (whole, near):
        assert len(polygons(axes)) == 10
        for ring, window in zip(polygons(axes), WINDOWS, strict=False):
            np.testing.assert_allclose(ring, CropWindow(*window).corners())
    assert (whole.get_xlim(), whole.get_ylim()) == ((0, 60), (92, 0))
    assert list(numbers(near)) == [str(n) for n in range(1, 11)]
    assert [axes.get_title() for axes in slots[:10]] == [f"{n}: {9 + n} px" for n in range(1, 11)]
    assert [int(axes.images[0].get_array()[0, 0]) for axes in slots[:10]] == list(range(10))
    assert not any(axes.images for axes in slots[10:])


def shown_rings(axes: Axes) -> NDArray[np.float64]:
    """Corners [n, 4, 2] (x to the right, y up) of the windows, display px from the middle of the axes."""
    axes.get_figure(root=True).draw_without_rendering()
    middle = axes.get_window_extent().get_points().mean(axis=0)
    return np.stack([axes.transData.transform(ring[:, ::-1]) - middle for ring in polygons(axes)])


def test_a_mirrored_figure_is_the_mirror_image_with_its_numbers_upper_left() -> None:
    patches = PATCHES + np.arange(8, dtype=np.uint16)
    plain, mirrored = (
        lesion_windows_figure(PIXELS, OUTLINES, WINDOWS, patches, "lesion", is_mirrored, 0.5)
        for is_mirrored in (False, True)
    )
    for one, other in zip(plain.axes[:2], mirrored.axes[:2], strict=True):
        np.testing.assert_allclose(shown_rings(other), shown_rings(one) * (-1, 1), atol=0.01)
    near = mirrored.axes[1]
    for ring, (col, row) in zip(shown_rings(near), numbers(near).values(), strict=True):
        middle = near.get_window_extent().get_points().mean(axis=0)
        at = near.transData.transform((col, row)) - middle
        assert at @ (-1, 1) == pytest.approx((ring @ (-1, 1)).max()), "left and up, as it is drawn"
    for one, other in zip(plain.axes[2:12], mirrored.axes[2:12], strict=True):
        assert np.array_equal(one.images[0].get_array()[:, ::-1], other.images[0].get_array())
    assert [axes.get_title() for axes in mirrored.axes[2:5]] == ["1: 5 mm", "2: 6 mm", "3: 6 mm"]


@pytest.mark.parametrize("classes", [["malignant", "benign", "outside", "negative"], ["outside"]])
def test_every_class_shows_its_image_with_windows_and_their_patches(classes: list[str]) -> None:
    several = [np.stack([array] * len(classes)) for array in (PIXELS, OUTLINES, WINDOWS, PATCHES)]
    figure = class_patches_figure(classes, *several)
    panels = [panel for panel in figure.subfigs if panel.get_suptitle()]
    assert [panel.get_suptitle() for panel in panels] == classes
    for panel in panels:
        whole, *slots = [axes for part in panel.subfigs for axes in part.axes]
        assert list(numbers(whole)) == [str(n) for n in range(1, 7)]
        for (col, row), ring, window in zip(numbers(whole).values(), polygons(whole), WINDOWS, strict=False):
            np.testing.assert_allclose(ring, CropWindow(*window).corners())
            assert (row, col) in [tuple(corner) for corner in ring], "a number stands at a corner of its window"
        assert [int(axes.images[0].get_array()[0, 0]) for axes in slots] == list(range(6))
