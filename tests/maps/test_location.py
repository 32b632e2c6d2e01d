"""Location maps against counting the pixels inside the window."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo.geometry import CropWindow, Frame
from mammo.maps.location import location_map

FRAME = Frame(48, 40, 8)


def counted_fractions(window: CropWindow, frame: Frame, per_px: int = 8) -> np.ndarray:
    """Fraction of each cell's subpixels whose centers lie inside the window."""
    rows, cols = frame.grid
    fine = [(np.arange(n * per_px) + 0.5) / per_px for n in (frame.height, frame.width)]
    inside = window.contains(np.stack(np.meshgrid(*fine, indexing="ij"), axis=-1))
    cell = frame.cell_px * per_px
    return inside.reshape(rows, cell, cols, cell).mean(axis=(1, 3))


@settings(max_examples=60, deadline=None)
@given(
    row=st.floats(-10, 58),
    col=st.floats(-10, 50),
    side=st.floats(4, 40),
    angle=st.sampled_from([0.0, 7.5, -30.0, 30.0, 45.0, 90.0]),
)
def test_coverage_equals_counted_pixels(row: float, col: float, side: float, angle: float) -> None:
    window = CropWindow(row, col, side, angle)
    coverage = location_map(torch.tensor([[row, col, side, angle]]), FRAME)[0, 0].numpy()
    assert np.abs(coverage - counted_fractions(window, FRAME)).max() < 0.03


def test_a_window_on_whole_cells_covers_exactly_those_cells() -> None:
    coverage = location_map(torch.tensor([[16.0, 24.0, 16.0, 0.0]]), FRAME)[0, 0]
    expected = torch.zeros(FRAME.grid)
    expected[1:3, 2:4] = 1
    assert torch.equal(coverage, expected)


def test_coverage_sums_to_the_area_of_the_window() -> None:
    inside = torch.tensor([[24.0, 20.0, 13.0, 17.0], [24.0, 20.0, 9.5, -30.0]])
    area = location_map(inside, FRAME).sum(dim=(1, 2, 3)) * FRAME.cell_px**2
    assert area.tolist() == pytest.approx([13.0**2, 9.5**2], rel=1e-5)


def test_full_size_and_small_frames_give_the_same_map() -> None:
    full = location_map(torch.tensor([[1400.0, 900.0, 300.0, 20.0]]), Frame(2944, 1920, 64))
    small = location_map(torch.tensor([[175.0, 112.5, 37.5, 20.0]]), Frame(368, 240, 8))
    assert full.shape == (1, 1, 46, 30)
    assert torch.allclose(full, small, atol=1e-6)
