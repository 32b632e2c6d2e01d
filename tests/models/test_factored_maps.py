"""Parts of a grid, neighborhoods and BN against loops, torch's unfold and BatchNorm2d."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from mammo.models.factored_maps import Stack, batch_affine, neighbors, running_affine


@pytest.mark.parametrize("border", [0, 1])
def test_parts_of_a_grid_are_cut_with_zeros_beyond_it(border: int) -> None:
    maps = torch.randn(2, 5, 4, 3)
    image, start = torch.tensor([1, 0, 1]), torch.tensor([[0, 1], [2, 0], [2, 2]])
    stack = Stack(torch.zeros(2, 0, 5, 4), image, start, torch.zeros(3, 1, 3, 2), with_location=False, h=None)
    cut = stack.cut(maps, border)
    assert cut.shape == (3, 3 + 2 * border, 2 + 2 * border, 3)
    for row, (of_image, (top, left)) in enumerate(zip(image.tolist(), start.tolist(), strict=True)):
        for i, j in np.ndindex(*cut.shape[1:3]):
            r, c = top + i - border, left + j - border
            expected = maps[of_image, r, c] if 0 <= r < 5 and 0 <= c < 4 else torch.zeros(3)
            assert torch.equal(cut[row, i, j], expected)


def test_neighborhoods_equal_unfold_with_padding() -> None:
    maps = torch.randn(2, 5, 4, 3)
    assert torch.equal(neighbors(maps), functional.unfold(maps, 3, padding=1))


torch.manual_seed(0)
X = torch.randn(6, 3, 4, 5, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1])[:, None, None] + 2


def layer() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(3).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


def test_batch_affine_equals_the_layer_and_updates_its_statistics() -> None:
    norm = layer()
    plain = copy.deepcopy(norm)
    scale, shift = batch_affine(norm, X.mean(dim=(0, 2, 3)), X.var(dim=(0, 2, 3), unbiased=False), X[:, 0].numel())
    assert torch.allclose(X * scale[:, None, None] + shift[:, None, None], plain(X))
    for one, other in zip(norm.buffers(), plain.buffers(), strict=True):
        assert torch.allclose(one, other)


def test_running_affine_equals_the_layer_in_evaluation() -> None:
    norm = layer()
    norm(X)
    norm.eval()
    scale, shift = running_affine(norm)
    assert torch.allclose(X * scale[:, None, None] + shift[:, None, None], norm(X))
