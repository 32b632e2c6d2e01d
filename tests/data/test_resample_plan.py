"""Boxes hold exactly the pixels that the sample points need, and matrices map patch pixels to box pixels."""

import numpy as np

from mammo.data.resample_plan import ResamplePlan
from mammo.geometry import CropWindow, CropWindows

RNG = np.random.default_rng(1)
WINDOWS = RNG.uniform([30, 30, 5, -45], [60, 60, 40, 45], size=(200, 4))


def test_boxes_are_tight_around_the_neighbors_of_all_sample_points() -> None:
    found = ResamplePlan.from_windows(WINDOWS, 16, antialias=False)
    local = (np.stack(np.meshgrid(np.arange(16), np.arange(16), indexing="ij"), axis=-1) + 0.5) / 16 - 0.5
    for window, (row0, row1, col0, col1) in zip(WINDOWS, found.box, strict=True):
        points = CropWindow(*window).to_frame(local) - 0.5
        low, high = np.floor(points.min(axis=(0, 1))), np.floor(points.max(axis=(0, 1))) + 2
        assert np.array_equal([row0, col0], low)
        assert np.array_equal([row1, col1], high)


def test_the_matrix_maps_patch_pixels_to_box_pixels() -> None:
    found = ResamplePlan.from_windows(WINDOWS, 16)
    for window, matrix, box in zip(WINDOWS, found.matrix, found.box, strict=True):
        x, y = RNG.integers(0, 16, 2)
        col, row = matrix @ (x, y, 1)
        expected = CropWindow(*window).to_frame([(y + 0.5) / 16 - 0.5, (x + 0.5) / 16 - 0.5]) - 0.5 - box[[0, 2]]
        assert np.allclose([row, col], expected, atol=1e-9)


def test_the_filter_adds_a_margin_of_one_pixel() -> None:
    plain, smooth = ResamplePlan.from_windows(WINDOWS, 16, antialias=False), ResamplePlan.from_windows(WINDOWS, 16)
    shrinks = WINDOWS[:, 2] > 16
    assert np.array_equal(smooth.side_taps > 0, shrinks)
    assert np.array_equal(smooth.box - plain.box, shrinks[:, None] * np.array([-1, 1, -1, 1]))


def test_windows_on_whole_pixels_are_their_boxes() -> None:
    windows = np.array([(20.5, 30.5, 9, 0), (20, 30, 16, 0), (20, 30, 9, 0), (20, 30, 16, 1), (20, 30, 16.5, 0)])
    found = ResamplePlan.from_windows(windows, 16)
    assert found.whole.tolist() == [True, True, False, False, False]
    assert found.box[:2].tolist() == [[16, 25, 26, 35], [12, 28, 22, 38]]


def test_many_windows_are_transformed_as_each_alone() -> None:
    local = RNG.uniform(-0.5, 0.5, size=(len(WINDOWS), 5, 2))
    together = CropWindows(WINDOWS).to_frame(local)
    alone = [CropWindow(*window).to_frame(points) for window, points in zip(WINDOWS, local, strict=True)]
    assert np.array_equal(together, np.stack(alone))
