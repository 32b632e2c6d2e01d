"""Tap sums, moments, neighborhoods and BN against torch's unfold, autograd and BatchNorm2d."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from mammo.models.factored_maps import Moments, batch_affine, neighbors, running_affine, tap_sums


def seen_by_taps(maps: torch.Tensor) -> torch.Tensor:
    """What each tap reads, [N, 9, C, rows, cols], of maps [N, rows, cols, C], by torch's unfold."""
    n, rows, cols, channels = maps.shape
    unfolded = functional.unfold(maps.permute(0, 3, 1, 2), 3, padding=1)
    return unfolded.view(n, channels, 9, rows, cols).transpose(1, 2)


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (5, 4)])
def test_tap_sums_of_a_whole_grid_equal_sums_of_unfold(shape: tuple[int, int]) -> None:
    maps = torch.randn(2, *shape, 3, dtype=torch.float64)
    everywhere = torch.ones(1, 2, 2, dtype=torch.bool)
    assert torch.allclose(tap_sums(maps, everywhere), seen_by_taps(maps).sum(dim=(3, 4)))


@pytest.mark.parametrize("top", range(4))
@pytest.mark.parametrize("left", range(3))
def test_tap_sums_of_a_part_equal_those_of_the_grid_around_it(top: int, left: int) -> None:
    part, grid = torch.randn(2, 3, 4, 2, dtype=torch.float64), torch.zeros(2, 6, 6, 2, dtype=torch.float64)
    grid[:, top : top + 3, left : left + 4] = part
    ends = torch.tensor([[[top == 0, top == 3], [left == 0, left == 2]]]).expand(2, 2, 2)
    assert torch.allclose(tap_sums(part, ends), seen_by_taps(grid).sum(dim=(3, 4)))


def test_moments_and_their_gradient_equal_torchs() -> None:
    maps = torch.randn(2, 3, 4, 2, dtype=torch.float64, requires_grad=True)
    variance, mean = torch.var_mean(maps, dim=(1, 2), correction=0)
    ours = Moments.apply(maps)
    assert torch.allclose(ours[0], mean)
    assert torch.allclose(ours[1], variance)
    assert torch.autograd.gradcheck(Moments.apply, (maps,))


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
