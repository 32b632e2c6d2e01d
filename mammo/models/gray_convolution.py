"""Folded channels: the first convolution of an ImageNet network, computed from one gray channel.

Weights of ImageNet expect three copies of a gray image. Channel c of the three is (gray - mean[c]) / std[c].
Convolution is linear, so the three kernels fold into one. The means add one map, the same for every patch; it differs
at the border, where the padding is zero. The result is exact, in training too, because the three-channel weights stay
the parameters.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.precision import in_float32, to_autocast_dtype, weight_layout


def foldable_convolution(network: nn.Module) -> str | None:
    """Name of the convolution that GrayConvolution can replace, or None."""
    found = [(name, part) for name, part in network.named_modules() if getattr(part, "in_channels", None) == 3]
    if len(found) != 1 or type(found[0][1]) is not nn.Conv2d:
        return None
    name, convolution = found[0]
    return name if convolution.padding_mode == "zeros" and convolution.groups == 1 else None


def fold_channels(network: nn.Module, name: str, mean: Sequence[float], std: Sequence[float]) -> None:
    """Replace the network's convolution of that name by a GrayConvolution."""
    parent, _, last = name.rpartition(".")
    convolution = network.get_submodule(name)
    assert isinstance(convolution, nn.Conv2d)
    setattr(network.get_submodule(parent), last, GrayConvolution(convolution, mean, std))


class GrayConvolution(nn.Module):
    """Replaces a three-channel convolution, with the same names in checkpoints.

    Gray values have 12 bits and bfloat16 keeps 8. So they are multiplied in float32, and the results are rounded once
    to the precision of autocast.

    Args:
        convolution: the convolution to replace, zero-padded, of one group.
        mean: mean of each channel, in the units of the input.
        std: standard deviation of each channel, in the units of the input.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, convolution: nn.Conv2d, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self.stride, self.padding, self.dilation = convolution.stride, convolution.padding, convolution.dilation
        self.center = sum(mean) / len(mean)
        self.register_buffer("scale", 1 / torch.tensor(std)[:, None, None], persistent=False)
        self.register_buffer("shift", (self.center - torch.tensor(mean))[:, None, None] * self.scale, persistent=False)
        self._is_shifted = len(set(mean)) > 1

    def forward(self, gray: Tensor) -> Tensor:
        """Output [B, O, h, w] of the replaced convolution for gray [B, 1, H, W], in the units of mean."""
        return to_autocast_dtype(in_float32(self._convolved, gray))

    def _convolved(self, gray: Tensor) -> Tensor:
        # One channel has the same memory in every layout, so the network's layout is read from the weights.
        gray = gray.to(memory_format=weight_layout(self.weight))
        kernel = (self.weight * self.scale).sum(dim=1, keepdim=True)
        out = functional.conv2d(gray - self.center, kernel, self.bias, self.stride, self.padding, self.dilation)
        if self._is_shifted:
            ones, kernel = torch.ones_like(gray[:1]), (self.weight * self.shift).sum(dim=1, keepdim=True)
            out = out + functional.conv2d(ones, kernel, None, self.stride, self.padding, self.dilation)
        return out
