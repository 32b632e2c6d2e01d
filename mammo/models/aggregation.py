"""The layers of f_agg, computed exactly but without building X or convolving maps that are the same almost everywhere.

Of the maps of X only the saliency maps fill the grid, and they belong to the image, not to the window. The location
and embedding maps are constant outside the window, and stay so through BN and ReLU. So the first convolution is a base,
one an image, plus a change in the cells around the window; and since the second convolution is followed by the mean
over cells, only sums of its input are needed: those of the base, once an image, plus what changes around the window.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.map_sums import Moments, RectifiedTapSums, tap_sums_of_part


class Stack(NamedTuple):
    """What stands for X [B, M, rows, cols]: its maps in the order loc, sal, emb, of which any may be absent."""

    saliency: Tensor
    """[U, 0 or 2, rows, cols], saliency maps of each different image of the batch."""
    image: Tensor
    """int64 [B], which of the U images each row belongs to."""
    start: Tensor
    """int64 [B, 2], first grid cell (row, col) of the part of the grid that holds the window and one cell around it."""
    share: Tensor
    """[B, 1, h, w], the location map in that part; it is 0 outside."""
    with_location: bool
    """Whether the location map is one of X's maps."""
    h: Tensor | None
    """Representations [B, K] of the embedding maps, None where there are none."""

    @property
    def inside(self) -> Tensor:
        """[B, 1, h, w], 1 in the cells that the window touches, else 0."""
        return (self.share > 0).to(self.share.dtype)


def aggregate(
    stack: Stack, norm1: nn.BatchNorm2d, convolution1: nn.Conv2d, norm2: nn.BatchNorm2d, convolution2: nn.Conv2d
) -> Tensor:
    """Global average pooling of Convolution2(ReLU(BN2(Convolution1(ReLU(BN1(X)))))), [B, filters].

    Equal to the plain layers on X, in training (batch statistics, running ones updated) and evaluation. Both
    convolutions are 3x3 with padding 1.
    """
    base, change = _first_convolution(stack, norm1, convolution1)
    around = _part(base, stack, change.shape[2:])
    scale, shift = _second_norm(base, around, change, stack.image, norm2)
    seen = RectifiedTapSums.apply(base, scale, shift)[stack.image]
    around = torch.addcmul(shift[:, None, None], around, scale[:, None, None])
    rise = torch.relu(around + change * scale[:, None, None]) - torch.relu(around)
    seen = seen + tap_sums_of_part(rise, stack.start, base.shape[2:])
    return _convolved_mean(seen / base[0, 0].numel(), convolution2)


def _first_convolution(stack: Stack, norm: nn.BatchNorm2d, convolution: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """The first convolution: base [U, out, rows, cols] of each image, change [B, out, h, w] around the window."""
    scale, shift = _first_norm(stack, norm)
    n_location, n_saliency = int(stack.with_location), stack.saliency.shape[1]
    location, saliency = slice(0, n_location), slice(n_location, n_location + n_saliency)
    embedding = slice(n_location + n_saliency, None)
    weight, outside = convolution.weight, torch.relu(shift)
    constant = torch.einsum("k,okij->oij", outside[location], weight[:, location])
    constant = constant + torch.einsum("k,okij->oij", outside[embedding], weight[:, embedding])
    ones = torch.ones_like(stack.saliency[:1, :1]) if n_saliency else weight.new_ones(1, 1, *stack.saliency.shape[2:])
    base = functional.conv2d(ones, constant[:, None], convolution.bias, padding=1)
    if n_saliency:
        active = torch.relu(stack.saliency * scale[saliency, None, None] + shift[saliency, None, None])
        base = base + functional.conv2d(active, weight[:, saliency], padding=1)
    change = weight.new_zeros(len(stack.image), weight.shape[0], *stack.share.shape[2:])
    if stack.with_location:
        rise = torch.relu(stack.share * scale[0] + shift[0]) - outside[0]
        change = functional.conv2d(rise, weight[:, location], padding=1)
    if stack.h is not None:
        rise = torch.relu(stack.h * scale[embedding] + shift[embedding]) - outside[embedding]
        taps = torch.einsum("bk,okij->boij", rise, weight[:, embedding]).flatten(2)
        change = change + torch.bmm(taps, functional.unfold(stack.inside, 3, padding=1)).view_as(change)
    return base.expand(len(stack.saliency), -1, -1, -1), change


def _first_norm(stack: Stack, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What the first BN multiplies and adds, [M] each."""
    if not norm.training:
        return _running(norm)
    n_rows, n_cells = len(stack.image), stack.saliency.shape[2] * stack.saliency.shape[3]
    means, variances = [], []
    if stack.with_location:
        mean = stack.share.sum() / (n_rows * n_cells)
        around = (stack.share - mean).square().sum() + mean**2 * n_rows * (n_cells - stack.share[0].numel())
        means.append(mean[None])
        variances.append(around[None] / (n_rows * n_cells))
    if stack.saliency.shape[1]:
        weight = torch.bincount(stack.image, minlength=len(stack.saliency)).to(stack.saliency.dtype) / n_rows
        mean = weight @ stack.saliency.mean(dim=(2, 3))
        means.append(mean)
        variances.append(weight @ (stack.saliency - mean[:, None, None]).square().mean(dim=(2, 3)))
    if stack.h is not None:
        covered = stack.inside.sum(dim=(1, 2, 3))[:, None] / n_cells
        mean = (stack.h * covered).mean(dim=0)
        means.append(mean)
        variances.append((stack.h.square() * covered).mean(dim=0) - mean.square())
    return _of_batch(norm, torch.cat(means), torch.cat(variances), n_rows * n_cells)


def _second_norm(
    base: Tensor, around: Tensor, change: Tensor, image: Tensor, norm: nn.BatchNorm2d
) -> tuple[Tensor, Tensor]:
    """What the second BN multiplies and adds, [out] each: its input is base, and around + change around the windows."""
    if not norm.training:
        return _running(norm)
    n_values = len(image) * base[0, 0].numel()
    weight = torch.bincount(image, minlength=len(base)).to(base.dtype)
    centre = base.detach().mean(dim=(0, 2, 3))  # near the mean, so that little cancels below
    sums, squares = Moments.apply(base, centre, weight)
    mean = (sums + change.sum(dim=(0, 2, 3))) / n_values
    squares = squares + (change * (2 * (around - centre[:, None, None]) + change)).sum(dim=(0, 2, 3))
    return _of_batch(norm, mean + centre, squares / n_values - mean.square(), n_values)


def _running(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale


def _of_batch(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor, n_values: int) -> tuple[Tensor, Tensor]:
    """From the batch's statistics; the running ones move as in torch's own layer, the variance being unbiased."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    momentum = 0.1 if norm.momentum is None else norm.momentum
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean.detach(), momentum)
    norm.running_var.lerp_(var.detach() * n_values / (n_values - 1), momentum)
    scale = norm.weight * torch.rsqrt(var + norm.eps)
    return scale, norm.bias - mean * scale


def _part(base: Tensor, stack: Stack, size: torch.Size) -> Tensor:
    """Each row's part [B, out, h, w] of its image's base."""
    rows = stack.start[:, 0, None] + torch.arange(size[0], device=base.device)
    cols = stack.start[:, 1, None] + torch.arange(size[1], device=base.device)
    part = base.permute(0, 2, 3, 1)[stack.image[:, None, None], rows[:, :, None], cols[:, None, :]]
    return part.permute(0, 3, 1, 2)


def _convolved_mean(means: Tensor, convolution: nn.Conv2d) -> Tensor:
    """[B, out] from the nine taps' sums over the number of cells [B, in, 3, 3]."""
    pooled = torch.einsum("bcij,ocij->bo", means, convolution.weight)
    return pooled if convolution.bias is None else pooled + convolution.bias
