"""What a BN layer multiplies and adds, once the statistics of its input are known in another way than by seeing it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Affine(NamedTuple):
    """What a BN layer multiplies by, and then adds; [channels] each."""

    scale: Tensor
    shift: Tensor


def running_affine(norm: nn.BatchNorm2d) -> Affine:
    """From the running statistics, as in evaluation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return Affine(scale, norm.bias - norm.running_mean * scale)


def batch_affine(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor, n_values: int) -> Affine:
    """From the batch's statistics, as in training; the running ones move as in torch's own layer.

    Args:
        norm: the layer.
        mean: of each channel, [channels].
        var: of each channel, [channels], divided by n_values; the running one is unbiased.
        n_values: how many values of a channel the batch has.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    momentum = 0.1 if norm.momentum is None else norm.momentum
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean.detach(), momentum)
    norm.running_var.lerp_(var.detach() * n_values / (n_values - 1), momentum)
    scale = norm.weight * torch.rsqrt(var + norm.eps)
    return Affine(scale, norm.bias - mean * scale)
