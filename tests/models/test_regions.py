"""Greedy regions against a brute-force search, and their crops against slicing."""

import numpy as np
import torch

from mammo.models.regions import greedy_regions, region_crops


def brute_force(maps: np.ndarray, side: int, n_regions: int) -> list[tuple[int, int]]:
    stretched = [(m - m.min()) / (m.max() - m.min()) for m in maps]
    left = np.sum(stretched, axis=0)
    found = []
    for _ in range(n_regions):
        best = (-1.0, 0, 0)
        for row in range(left.shape[0] - side + 1):
            for col in range(left.shape[1] - side + 1):
                total = left[row : row + side, col : col + side].sum()
                if total > best[0] + 1e-9:
                    best = (total, row, col)
        found.append(best[1:])
        left[best[1] : best[1] + side, best[2] : best[2] + side] = 0
    return found


def test_regions_equal_a_brute_force_search() -> None:
    maps = torch.rand(3, 2, 12, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    regions = greedy_regions(maps, side=4, n_regions=5)
    for image in range(3):
        assert [tuple(cell) for cell in regions[image].tolist()] == brute_force(maps[image].numpy(), 4, 5)


def test_a_constant_map_gives_the_first_cell() -> None:
    assert greedy_regions(torch.full((1, 2, 6, 5), 0.3), side=2, n_regions=1).tolist() == [[[0, 0]]]


def test_of_equal_squares_the_first_is_selected_first() -> None:
    maps = torch.zeros(1, 2, 9, 8)
    for row, col in ((5, 4), (1, 5), (1, 1)):
        maps[0, :, row : row + 2, col : col + 2] = 1
    assert greedy_regions(maps, side=2, n_regions=3).tolist() == [[[1, 1], [1, 5], [5, 4]]]


def test_a_peak_at_the_right_border_is_found() -> None:
    maps = torch.zeros(1, 2, 46, 30)
    maps[0, 0, 20:24, 26:30] = 0.7
    assert greedy_regions(maps, side=4, n_regions=1).tolist() == [[[20, 26]]]


def test_crops_are_slices_of_the_image() -> None:
    image = torch.arange(2 * 48 * 40, dtype=torch.float32).reshape(2, 1, 48, 40)
    regions = torch.tensor([[[0, 0], [2, 3]], [[4, 1], [1, 1]]])
    crops = region_crops(image, regions, side=2, cell_px=8)
    for i, (row, col) in ((0, (0, 0)), (1, (2, 3))):
        assert torch.equal(crops[0, i], image[0, 0, row * 8 : row * 8 + 16, col * 8 : col * 8 + 16])
    assert torch.equal(crops[1, 0], image[1, 0, 32:48, 8:24])
