"""A network's first convolution, fed with one gray channel where its weights expect three copies of it.

Channel c of the three is (gray - mean[c]) / std[c]. Convolution is linear, so the three kernels fold into one, and what
the means add is one map, the same for every patch, which falls off at the border where padding holds zeros. Exact, in
training too: the three-channel weights stay the parameters.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.precision import in_float32, to_autocast_dtype, weight_layout


class GrayConvolution(nn.Module):
    """Takes a three-channel convolution's place, under the same names in checkpoints.

    Gray values have 12 bits, of which bfloat16 keeps 8: they are multiplied in float32, and the results rounded once to
    the precision that is asked for around.

    Args:
        convolution: zero-padded, one group.
        mean: of each channel, in gray values.
        std: of each channel, in gray values.
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
        """[B, 1, H, W] in the units of mean to what the convolution makes of the three normalized channels."""
        return to_autocast_dtype(in_float32(self._convolved, gray))

    def _convolved(self, gray: Tensor) -> Tensor:
        # A single channel lies alike in every layout: the weights tell which one the network has.
        gray = gray.to(memory_format=weight_layout(self.weight))
        kernel = (self.weight * self.scale).sum(dim=1, keepdim=True)
        out = functional.conv2d(gray - self.center, kernel, self.bias, self.stride, self.padding, self.dilation)
        if self._is_shifted:
            ones, kernel = torch.ones_like(gray[:1]), (self.weight * self.shift).sum(dim=1, keepdim=True)
            out = out + functional.conv2d(ones, kernel, None, self.stride, self.padding, self.dilation)
        return out


def foldable_convolution(network: nn.Module) -> str | None:
    """The name of the convolution that GrayConvolution can take the place of; None where there is none."""
    found = [(name, part) for name, part in network.named_modules() if getattr(part, "in_channels", None) == 3]
    if len(found) != 1 or type(found[0][1]) is not nn.Conv2d:
        return None
    name, convolution = found[0]
    return name if convolution.padding_mode == "zeros" and convolution.groups == 1 else None


def fold_channels(network: nn.Module, name: str, mean: Sequence[float], std: Sequence[float]) -> None:
    """Put a GrayConvolution in the place of the network's convolution of that name."""
    parent, _, last = name.rpartition(".")
    convolution = network.get_submodule(name)
    assert isinstance(convolution, nn.Conv2d)
    setattr(network.get_submodule(parent), last, GrayConvolution(convolution, mean, std))
