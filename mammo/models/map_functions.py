"""Autograd functions over whole maps, each with its gradient in few passes over memory; and sums over processes.

Maps lie in memory cell by cell, the channels of a cell side by side: [N, rows, cols, C].
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class EqualConvolution(torch.autograd.Function):
    """A padded 3x3 convolution whose value is computed from other maps than its gradient.

    Both give the same output: the value is cheaper with fewer maps, and with more of them the gradient of the weights
    needs none of the maps.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, fewer: Tensor, equal: Tensor) -> Tensor:  # noqa: ANN401
        """Output [N, rows, cols, filters].

        Args:
            ctx: of autograd.
            maps: [N, rows, cols, C], for the gradient.
            weight: [filters, C, 3, 3].
            bias: [filters].
            fewer: [N, rows, cols, D], for the value.
            equal: [filters, D, 3, 3], with which they give the same output; without gradient.
        """
        ctx.save_for_backward(maps, weight)
        return functional.conv2d(fewer.permute(0, 3, 1, 2), equal, bias, padding=1).permute(0, 2, 3, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor, None, None]:  # noqa: ANN401
        """The gradients of weight and bias from that of the output, [N, rows, cols, filters]."""
        maps, weight = ctx.saved_tensors
        output, given = gradients[0].permute(0, 3, 1, 2), maps.permute(0, 3, 1, 2)
        _, of_weight, of_bias = torch.ops.aten.convolution_backward(
            output, given, weight, [len(weight)], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [False, True, True]
        )
        return None, of_weight, of_bias, None, None


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


class NormalizedTapSums(torch.autograd.Function):
    """tap_sums of whole maps after BN, as one multiplication and one addition, and ReLU."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # noqa: ANN401
        """Sums [N, 9, C] of relu(scale * maps + shift), of maps [N, rows, cols, C], scale [C] and shift [C]."""
        shown = torch.addcmul(shift, maps, scale).relu_()
        ctx.save_for_backward(maps, scale, shown)
        return tap_sums(shown, maps.new_ones(1, 2, 2, dtype=torch.bool))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        """The gradients of maps, scale and shift from that of the sums, [N, 9, C]."""
        maps, scale, shown = ctx.saved_tensors
        taps = gradients[0].reshape(len(maps), 3, 3, -1)
        by_place = _summed_by_place(_summed_by_place(taps, 1), 2)
        gradient, places = shown.sign(), (slice(0, 1), slice(1, -1), slice(-1, None))
        for row, rows in enumerate(places):
            for col, cols in enumerate(places):
                gradient[:, rows, cols] *= by_place[:, row, col, None, None]
        of_scale, of_shift = (gradient * maps).sum(dim=(0, 1, 2)), gradient.sum(dim=(0, 1, 2))
        return gradient.mul_(scale), of_scale, of_shift


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over the processes that train together, with a gradient: the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:  # noqa: ANN401
        """The sum [...] of each process's part [...]."""
        total = part.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        """The gradient of the part, [...], from those of the sum in each process, [...]."""
        total = gradient.clone()
        torch.distributed.all_reduce(total)
        return total


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


def _seen_along(maps: Tensor, dim: int, ends: Tensor) -> Tensor:
    """Replace one dimension by the sums over it that its three taps read."""
    first, middle, last = torch.split(maps, [1, maps.shape[dim] - 2, 1], dim=dim)
    first, last = first.squeeze(dim), last.squeeze(dim)
    total = middle.sum(dim=dim) + first + last
    at_first, at_last = ends.unbind(dim=1)
    return torch.stack([total - at_last * last, total, total - at_first * first], dim=dim)


def _summed_by_place(taps: Tensor, dim: int) -> Tensor:
    """Replace three taps by their sums over those that read the first, a middle and the last row or column."""
    up, here, down = taps.unbind(dim)
    return torch.stack([up + here, up + here + down, here + down], dim=dim)
