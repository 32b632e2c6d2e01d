"""Maps on the grid: what the taps of a padded 3x3 convolution see of them, and their mean and variance."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Moments(torch.autograd.Function):
    """Mean and variance of each map over its cells; the gradient takes one pass over them for autograd's four."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        """[N, C] each, of maps [N, rows, cols, C]; the variance is divided by the number of cells."""
        mean = maps.mean(dim=(1, 2))
        variance = (maps - mean[:, None, None]).square_().mean(dim=(1, 2))
        ctx.save_for_backward(maps, mean)
        return mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """The gradient of the maps."""
        maps, mean = ctx.saved_tensors
        level, slope = (gradient / maps[0, :, :, 0].numel() for gradient in gradients)
        slope = 2 * slope
        return torch.addcmul((level - slope * mean)[:, None, None], maps, slope[:, None, None])


def tap_sums(maps: Tensor, ends: Tensor) -> Tensor:
    """Sums over the grid of what each tap of a padded 3x3 convolution sees, [N, 9, C].

    A tap sees every cell once, but one that looks up never sees the last row, and so on: only the outermost rows and
    columns differ between the taps.

    Args:
        maps: [N, rows, cols, C], at least two rows and columns of a grid whose other cells are 0.
        ends: bool [N or 1, 2, 2], whether the first and the last of the rows, and of the columns, are the grid's.
    """
    of_rows, of_cols = ends.to(maps.dtype)[..., None, None].unbind(dim=1)
    return _seen_along(_seen_along(maps, 1, of_rows), 2, of_cols).flatten(1, 2)


def neighbors(maps: Tensor) -> Tensor:
    """What each tap sees around each cell of maps [N, K, rows, cols], beyond which there are zeros.

    Returns:
        [N, K * 9, rows * cols].
    """
    n, channels, rows, cols = maps.shape
    padded = functional.pad(maps, (1, 1, 1, 1))
    return padded.unfold(2, rows, 1).unfold(3, cols, 1).reshape(n, channels * 9, rows * cols)


def _seen_along(maps: Tensor, dim: int, ends: Tensor) -> Tensor:
    """The sums over one dimension that its three taps see, in that dimension's place."""
    first, middle, last = torch.split(maps, [1, maps.shape[dim] - 2, 1], dim=dim)
    first, last = first.squeeze(dim), last.squeeze(dim)
    total = middle.sum(dim=dim) + first + last
    at_first, at_last = ends.unbind(dim=1)
    return torch.stack([total - at_last * last, total, total - at_first * first], dim=dim)


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
