"""Tap sums, moments and convolutions of whole maps against torch's unfold, layers and autograd."""

import pytest
import torch
from torch.nn import functional

from mammo.models.map_functions import EqualConvolution, Moments, NormalizedTapSums, tap_sums


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


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (4, 5)])
def test_normalized_tap_sums_and_their_gradients_equal_those_of_the_layers(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(3, *shape, 2, dtype=torch.float64, generator=generator)
    scale, shift = torch.randn(2, 2, dtype=torch.float64, generator=generator)
    inputs = [each.requires_grad_() for each in (maps, scale, shift)]
    ours = NormalizedTapSums.apply(*inputs)
    theirs = seen_by_taps(torch.relu(maps * scale + shift)).sum(dim=(3, 4))
    assert torch.allclose(ours, theirs)
    weight = torch.randn(ours.shape, dtype=torch.float64, generator=generator)
    for one, other in zip(*(torch.autograd.grad((x * weight).sum(), inputs) for x in (ours, theirs)), strict=True):
        assert torch.allclose(one, other)


def test_an_equal_convolution_has_the_value_of_fewer_maps_and_the_gradient_of_more() -> None:
    """Of relu(s x + t): s (on x) + t on."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 4, 5, 3, dtype=torch.float64, generator=generator)
    scale, shift = torch.randn(2, 3, dtype=torch.float64, generator=generator).requires_grad_().unbind()
    own = torch.randn(4, 3, 3, 3, dtype=torch.float64, generator=generator).requires_grad_()
    bias = torch.randn(4, dtype=torch.float64, generator=generator).requires_grad_()
    shown = torch.relu(scale * x + shift)
    on = (shown > 0).double()
    weight = torch.cat([own * scale[:, None, None], own * shift[:, None, None]], dim=1)
    ours = EqualConvolution.apply(torch.cat([on * x, on], dim=3), weight, bias, shown.detach(), own.detach())
    theirs = functional.conv2d(shown.permute(0, 3, 1, 2), own, bias, padding=1).permute(0, 2, 3, 1)
    assert torch.allclose(ours, theirs)
    inputs, of_output = [scale, shift, own, bias], torch.randn(ours.shape, dtype=torch.float64, generator=generator)
    pairs = (torch.autograd.grad((out * of_output).sum(), inputs, retain_graph=True) for out in (ours, theirs))
    for one, other in zip(*pairs, strict=True):
        assert torch.allclose(one, other)
