"""Order and content of the map stack, against the paper's description; location maps against counted pixels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mammo.geometry import CropWindow, Frame
from mammo.maps.map_names import CHANNELS
from mammo.maps.stack import embedding_map, location_map, map_stack

FRAME = Frame(48, 40, 8)
BATCH = {
    "window": torch.tensor([[20.0, 20.0, 16.0, 10.0], [30.0, 12.0, 9.0, 0.0]]),
    "saliency": torch.rand(2, 2, *FRAME.grid, generator=torch.Generator().manual_seed(1)),
    "ipsi": torch.rand(2, 3, *FRAME.grid, generator=torch.Generator().manual_seed(3)),
    "contra": torch.rand(2, 5, *FRAME.grid, generator=torch.Generator().manual_seed(4)),
    "map_row": torch.tensor([1, 0]),
    "embedding": torch.randn(2, 32, generator=torch.Generator().manual_seed(2)),
}


def test_the_order_of_the_stack_is_canonical_for_any_input_order() -> None:
    assert torch.equal(map_stack(["emb", "sal"], BATCH, FRAME), map_stack(["sal", "emb"], BATCH, FRAME))
    whole = map_stack(["emb", "contra", "ipsi", "sal", "loc"], BATCH, FRAME)
    of_images = torch.cat([BATCH[name][BATCH["map_row"]] for name in ("saliency", "ipsi", "contra")], dim=1)
    assert torch.equal(whole[:, 1:11], of_images)


@pytest.mark.parametrize("maps", [["loc"], ["sal"], ["emb"], ["ipsi"], ["contra", "emb"], list(CHANNELS)])
def test_the_stack_has_the_channels_of_all_selected_maps(maps: list[str]) -> None:
    assert map_stack(maps, BATCH, FRAME).shape == (2, sum(CHANNELS[name] for name in maps), *FRAME.grid)


def test_embedding_replaces_every_nonzero_element_of_the_location_map() -> None:
    x = map_stack(["loc", "emb"], BATCH, FRAME)
    location, embedding = x[:, :1], x[:, 1:]
    touched = (location > 0).expand_as(embedding)
    assert torch.equal(embedding[~touched], torch.zeros(int((~touched).sum())))
    h = BATCH["embedding"][:, :, None, None].expand_as(embedding)
    assert torch.equal(embedding[touched], h[touched])


def test_the_embedding_map_holds_h_where_the_location_map_is_not_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    location = torch.rand(3, 1, 6, 5, generator=generator) * (torch.rand(3, 1, 6, 5, generator=generator) > 0.6)
    h = torch.randn(3, 32, generator=generator)
    expected = torch.zeros(3, 32, 6, 5)
    for patch in range(3):
        for k in range(32):
            for row in range(6):
                for col in range(5):
                    if location[patch, 0, row, col] != 0:
                        expected[patch, k, row, col] = h[patch, k]
    assert torch.equal(embedding_map(h, location), expected)


def test_the_embedding_map_holds_h_in_barely_covered_cells() -> None:
    location = torch.tensor([1e-6, 0.5, 1.0, 0.0]).view(1, 1, 2, 2)
    assert embedding_map(torch.full((1, 32), -2.0), location)[0, 7].tolist() == [[-2.0, -2.0], [-2.0, 0.0]]


def test_the_embedding_map_has_the_type_of_h() -> None:
    assert embedding_map(torch.ones(1, 32, dtype=torch.float64), torch.ones(1, 1, 2, 2)).dtype == torch.float64


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
