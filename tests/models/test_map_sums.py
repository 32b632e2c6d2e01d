"""Sums over maps against slices and against what autograd makes of the plain expressions."""

import torch
from torch.nn import functional

from mammo.models.map_sums import Moments, RectifiedTapSums, tap_sums, tap_sums_of_part

torch.manual_seed(0)
BASE = torch.randn(3, 2, 5, 4, dtype=torch.float64, requires_grad=True)
SCALE, SHIFT = (torch.randn(2, dtype=torch.float64, requires_grad=True) for _ in range(2))


def by_convolution(x: torch.Tensor) -> torch.Tensor:
    """What each tap of a padded 3x3 convolution sums up, by convolving with one tap at a time."""
    taps = torch.eye(9, dtype=x.dtype).reshape(9, 1, 3, 3)
    seen = functional.conv2d(x.flatten(0, 1)[:, None], taps, padding=1)
    return seen.sum(dim=(2, 3)).reshape(*x.shape[:2], 3, 3)


def test_taps_see_what_a_padded_convolution_sees() -> None:
    assert torch.allclose(tap_sums(BASE), by_convolution(BASE))


def test_a_part_is_summed_as_if_the_rest_were_zero() -> None:
    part, start = torch.randn(4, 2, 3, 2, dtype=torch.float64), torch.tensor([[0, 0], [2, 2], [1, 1], [0, 2]])
    whole = torch.zeros(4, 2, 5, 4, dtype=torch.float64)
    for row, (top, left) in enumerate(start.tolist()):
        whole[row, :, top : top + 3, left : left + 2] = part[row]
    assert torch.allclose(tap_sums_of_part(part, start, torch.Size([5, 4])), by_convolution(whole))


def test_rectified_sums_and_their_gradients() -> None:
    assert torch.allclose(
        RectifiedTapSums.apply(BASE, SCALE, SHIFT),
        by_convolution(torch.relu(BASE * SCALE[:, None, None] + SHIFT[:, None, None])),
    )
    assert torch.autograd.gradcheck(RectifiedTapSums.apply, (BASE, SCALE, SHIFT))


def test_moments_and_their_gradient() -> None:
    centre, weight = torch.tensor([0.3, -1.0], dtype=torch.float64), torch.tensor([1.0, 4.0, 2.0], dtype=torch.float64)
    sums, squares = Moments.apply(BASE, centre, weight)
    apart = (BASE - centre[:, None, None]) * weight[:, None, None, None].sqrt()
    assert torch.allclose(squares, apart.square().sum(dim=(0, 2, 3)))
    assert torch.allclose(sums, (apart * weight[:, None, None, None].sqrt()).sum(dim=(0, 2, 3)))
    assert torch.autograd.gradcheck(lambda base: Moments.apply(base, centre, weight), (BASE,))
