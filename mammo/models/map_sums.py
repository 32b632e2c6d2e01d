"""Sums over whole maps whose gradients cost a pass or two: what f_agg's training spends its time on.

Maps are [U, C, rows, cols]; the forward and backward passes keep and write as few arrays of that size as they can.
"""

from typing import Any

import torch
from torch import Tensor


class Moments(torch.autograd.Function):
    """Weighted sums over images and cells of base - centre and of its square, [C] each."""

    @staticmethod
    def forward(ctx: Any, base: Tensor, centre: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        """Of base [U, C, rows, cols], centre [C] and the images' weights [U], neither of which gets a gradient."""
        ctx.save_for_backward(base, centre, weight)
        apart = base - centre[:, None, None]
        return weight @ apart.sum(dim=(2, 3)), weight @ torch.linalg.vector_norm(apart, dim=(2, 3)).square()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        """The gradient of base."""
        base, centre, weight = ctx.saved_tensors
        of_sum, of_squares = gradients
        slope = weight[:, None] * (2 * of_squares)
        start = weight[:, None] * of_sum - slope * centre
        return torch.addcmul(start[:, :, None, None], base, slope[:, :, None, None]), None, None


class RectifiedTapSums(torch.autograd.Function):
    """Sums of relu(base * scale + shift) over the cells that each tap of a padded 3x3 convolution sees."""

    @staticmethod
    def forward(ctx: Any, base: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # noqa: ANN401
        """[U, C, 3, 3] of base [U, C, rows, cols], scale and shift [C]."""
        seen = torch.addcmul(shift[:, None, None], base, scale[:, None, None]).relu_()
        ctx.save_for_backward(base, scale, seen)
        return tap_sums(seen)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        """The gradients of base, scale and shift."""
        base, scale, seen = ctx.saved_tensors
        rows, cols = (_seen_by_taps(size, base) for size in base.shape[2:])
        spread = torch.matmul(rows.T, torch.matmul(gradients[0], cols))
        spread = torch.ops.aten.threshold_backward(spread, seen, 0)
        of_scale = torch.linalg.vecdot(spread.flatten(2), base.flatten(2)).sum(dim=0)
        return spread * scale[:, None, None], of_scale, spread.sum(dim=(0, 2, 3))


def tap_sums(x: Tensor) -> Tensor:
    """Sum of x [U, C, rows, cols] over the cells that each tap of a padded 3x3 convolution sees, [U, C, 3, 3].

    A tap sees all cells but a border row or column.
    """
    rows, cols = (_seen_by_taps(size, x) for size in x.shape[2:])
    return torch.matmul(torch.matmul(rows, x), cols.T)


def tap_sums_of_part(x: Tensor, start: Tensor, grid: torch.Size) -> Tensor:
    """As tap_sums, of parts [B, C, h, w] of the grid that begin at the cells start [B, 2]."""
    seen = []
    for axis in (0, 1):
        cell = start[:, axis, None] + torch.arange(x.shape[2 + axis], device=start.device)
        seen.append(torch.stack([cell < grid[axis] - 1, torch.ones_like(cell, dtype=torch.bool), cell > 0], dim=2))
    rows, cols = seen
    weights = (rows[:, :, None, :, None] & cols[:, None, :, None, :]).flatten(3).flatten(1, 2)
    return torch.bmm(x.flatten(2), weights.to(x.dtype)).reshape(*x.shape[:2], 3, 3)


def _seen_by_taps(size: int, like: Tensor) -> Tensor:
    """Which of `size` cells in a line each of three taps sees, [3, size] of 0 and 1."""
    seen = torch.ones(3, size, dtype=like.dtype, device=like.device)
    seen[0, -1] = seen[2, 0] = 0
    return seen
