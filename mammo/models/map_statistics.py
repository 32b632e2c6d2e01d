"""Sums, moments and neighborhoods of maps on the grid, and batch normalization from known statistics (for f_agg)."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Moments(torch.autograd.Function):
    """Mean and variance of each map over its cells, with a gradient in one pass over the maps instead of four."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        """Mean [N, C] and variance [N, C], divided by the number of cells, of maps [N, rows, cols, C]."""
        mean = maps.mean(dim=(1, 2))
        variance = (maps - mean[:, None, None]).square_().mean(dim=(1, 2))
        ctx.save_for_backward(maps, mean)
        return mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """The gradient of the maps, [N, rows, cols, C], from those of mean and variance, [N, C] each."""
        maps, mean = ctx.saved_tensors
        level, slope = (gradient / maps[0, :, :, 0].numel() for gradient in gradients)
        slope = 2 * slope
        return torch.addcmul((level - slope * mean)[:, None, None], maps, slope[:, None, None])


def tap_sums(maps: Tensor, ends: Tensor) -> Tensor:
    """Sum over the grid of the values that each tap of a padded 3x3 convolution reads.

    Each tap reads every cell once, except that a tap that points up never reads the last row, and so on. So the sums of
    two taps differ by outermost rows and columns only.

    Args:
        maps: [N, rows, cols, C], at least two rows and columns of a grid whose other cells are 0.
        ends: bool [N or 1, 2, 2], whether the first and last row, and the first and last column, are those of the grid.

    Returns:
        [N, 9, C].
    """
    of_rows, of_cols = ends.to(maps.dtype)[..., None, None].unbind(dim=1)
    return _seen_along(_seen_along(maps, 1, of_rows), 2, of_cols).flatten(1, 2)


def neighbors(maps: Tensor) -> Tensor:
    """The 3x3 neighborhood of each cell of maps [N, K, rows, cols], with zeros beyond the border.

    Returns:
        [N, K * 9, rows * cols], as torch's unfold.
    """
    n, channels, rows, cols = maps.shape
    padded = functional.pad(maps, (1, 1, 1, 1))
    return padded.unfold(2, rows, 1).unfold(3, cols, 1).reshape(n, channels * 9, rows * cols)


def _seen_along(maps: Tensor, dim: int, ends: Tensor) -> Tensor:
    """Replace one dimension by the sums over it that its three taps read."""
    first, middle, last = torch.split(maps, [1, maps.shape[dim] - 2, 1], dim=dim)
    first, last = first.squeeze(dim), last.squeeze(dim)
    total = middle.sum(dim=dim) + first + last
    at_first, at_last = ends.unbind(dim=1)
    return torch.stack([total - at_last * last, total, total - at_first * first], dim=dim)


class Affine(NamedTuple):
    """A BN layer as one multiplication and one addition."""

    scale: Tensor
    """[channels]."""
    shift: Tensor
    """[channels], added after scaling."""


def running_affine(norm: nn.BatchNorm2d) -> Affine:
    """Scale and shift, [channels] each, from the layer's running statistics, as in evaluation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return Affine(scale, norm.bias - norm.running_mean * scale)


def batch_affine(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor, n_values: int) -> Affine:
    """Scale and shift from the statistics of a batch, as in training; updates the running statistics as torch does.

    Args:
        norm: the layer.
        mean: [channels], mean of each channel.
        var: [channels], biased variance of each channel (divided by n_values).
        n_values: number of values of a channel in the batch.
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
