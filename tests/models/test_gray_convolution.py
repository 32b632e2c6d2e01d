"""Folded channels change nothing but rounding."""

import copy

import pytest
import timm
import torch
from torch import nn

from mammo.models.gray_convolution import GrayConvolution, fold_channels, foldable_convolution

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def three_channels(gray: torch.Tensor) -> torch.Tensor:
    mean, std = (torch.tensor(values)[None, :, None, None].to(gray.dtype) for values in (MEAN, STD))
    return (gray.expand(-1, 3, -1, -1) - mean) / std


@pytest.mark.parametrize(("kernel", "stride", "padding", "bias"), [(7, 2, 3, False), (3, 1, 1, True), (3, 2, 0, True)])
def test_outputs_and_gradients_are_those_of_three_channels(kernel: int, stride: int, padding: int, bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 8, kernel, stride, padding, bias=bias)
    folded = GrayConvolution(copy.deepcopy(plain), MEAN, STD).double()
    plain = plain.double()
    gray = torch.rand(2, 1, 20, 17, dtype=torch.float64, requires_grad=True)
    ours, theirs = folded(gray), plain(three_channels(gray))
    assert torch.allclose(ours, theirs, atol=1e-6)  # the constants are float32
    weights = torch.randn_like(ours)
    for one, other in zip(
        torch.autograd.grad((ours * weights).sum(), [gray, *folded.parameters()]),
        torch.autograd.grad((theirs * weights).sum(), [gray, *plain.parameters()]),
        strict=True,
    ):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["densenet121", "resnetv2_50"])
def test_a_timm_network_changes_by_less_than_1e_5(name: str) -> None:
    torch.manual_seed(0)
    plain = timm.create_model(name, num_classes=0).eval()
    folded = copy.deepcopy(plain)
    convolution = foldable_convolution(folded)
    assert convolution is not None
    fold_channels(folded, convolution, MEAN, STD)
    gray = torch.rand(2, 1, 96, 96)
    with torch.inference_mode():
        ours, theirs = folded(gray), plain(three_channels(gray))
    assert (ours - theirs).abs().max() < 1e-5 * max(1.0, float(theirs.abs().max()))
    assert folded.state_dict().keys() == plain.state_dict().keys()
    folded.load_state_dict(plain.state_dict())


def test_mixed_precision_keeps_all_bits_of_the_gray_values() -> None:
    torch.manual_seed(0)
    folded = GrayConvolution(nn.Conv2d(3, 8, 7, 2, 3), MEAN, STD)
    gray = torch.rand(2, 1, 64, 64)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = folded(gray)
    assert torch.equal(mixed, folded(gray).to(torch.bfloat16))


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_memory_layout_is_that_of_the_weights(layout: torch.memory_format) -> None:
    folded = GrayConvolution(nn.Conv2d(3, 8, 7, 2, 3), MEAN, STD).to(memory_format=layout)  # type: ignore[call-overload]
    assert folded(torch.rand(2, 1, 64, 64)).is_contiguous(memory_format=layout)


def test_other_convolutions_are_not_folded() -> None:
    class Other(nn.Conv2d):
        """A convolution class of another library."""

    assert foldable_convolution(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3))) == "0"
    assert foldable_convolution(nn.Sequential(Other(3, 4, 3))) is None
    assert foldable_convolution(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"))) is None
    assert foldable_convolution(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3))) is None
    assert foldable_convolution(nn.Sequential(nn.Conv2d(1, 4, 3))) is None
