"""The layers of f_agg, computed exactly but without building X or convolving maps that are the same almost everywhere.

Of the maps of X only the saliency maps fill the grid, and they belong to the image, not to the window. The location
and embedding maps are constant outside the window, and stay so through BN and ReLU. So the first convolution is a base,
one an image, plus a change in the cells around the window; and since the second convolution is followed by the mean
over cells, only sums of its input are needed: those of the base, once an image, plus what changes around the window.

relu(scale * x + shift) is scale * (on * x) + shift * on, where on tells in which cells it is above 0: two maps without
a gradient, in shares that have one. So base and change are products of terms [cells, K], without a gradient, and small
weights [K, filters]; and what the second BN must know of the base, its sums and squares, follows from the terms' sums
and products with each other.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from mammo.models.batch_norm import Affine, batch_affine, running_affine
from mammo.models.map_sums import RectifiedSums, neighbours

ALIGNED = 16
"""Products of matrices are half as fast again where rows hold a multiple of this many numbers."""


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
    exist: Tensor
    """[rows * cols, 9], which of the nine cells that a 3x3 convolution sees around each are on the grid, 1 or 0."""

    @property
    def inside(self) -> Tensor:
        """[B, 1, h, w], 1 in the cells that the window touches, else 0."""
        return (self.share > 0).to(self.share.dtype)

    @property
    def cells(self) -> Tensor:
        """int64 [B, h * w], the cells of the part, counted along the rows of the grid."""
        rows, cols = (
            self.start[:, axis, None] + torch.arange(self.share.shape[2 + axis], device=self.start.device)
            for axis in (0, 1)
        )
        return (rows[:, :, None] * self.saliency.shape[3] + cols[:, None, :]).flatten(1)


class Base(NamedTuple):
    """The first convolution of what fills the grid: terms x weights."""

    terms: Tensor
    """[U, rows * cols, K], of which the last is 1 everywhere."""
    weights: Tensor
    """[K, filters]."""

    def at(self, rows: Tensor) -> Tensor:
        """[len(rows), filters] in some of all the images' cells, int64 [rows]."""
        terms = self.terms.flatten(0, 1)
        if len(rows) < len(terms):
            return torch.mm(terms.index_select(0, rows), self.weights)
        return torch.mm(terms, self.weights).index_select(0, rows)


def aggregate(
    stack: Stack, norm1: nn.BatchNorm2d, convolution1: nn.Conv2d, norm2: nn.BatchNorm2d, convolution2: nn.Conv2d
) -> Tensor:
    """Global average pooling of Convolution2(ReLU(BN2(Convolution1(ReLU(BN1(X)))))), [B, filters].

    Equal to the plain layers on X, in training (batch statistics, running ones updated) and evaluation. Both
    convolutions are 3x3 with padding 1.
    """
    affine, taps, bias = _first_norm(stack, norm1), _taps(convolution1), _bias(convolution1)
    if not norm2.training:  # it is known beforehand, and goes into the convolution
        scale, shift = running_affine(norm2)
        taps, bias = taps * scale, torch.addcmul(shift, bias, scale)
    base, cells, n_cells = _base(stack, affine, taps, bias), stack.cells, len(stack.exist)
    before = base.at((stack.image[:, None] * n_cells + cells).flatten()).view(*cells.shape, -1)
    after = _changed(before, stack, affine, taps)
    if norm2.training:
        scale, shift = _second_norm(base, before, after, stack.image, norm2)
        base = Base(base.terms, torch.cat([base.weights[:-1] * scale, (base.weights[-1] * scale + shift)[None]]))
        before, after = torch.addcmul(shift, before, scale), torch.addcmul(shift, after, scale)
    counts = stack.exist.flip(1)  # a cell is seen by a tap if there is a cell on the tap's other side
    sums = RectifiedSums.apply(base.terms, base.weights, counts.T.contiguous())[stack.image]
    around = counts.index_select(0, cells.flatten()).view(*cells.shape, 9)
    sums = torch.baddbmm(sums, around.mT, after.relu_())
    sums = torch.baddbmm(sums, around.mT, before.relu_(), alpha=-1)
    weights = convolution2.weight.permute(2, 3, 1, 0).flatten(0, 2)
    return torch.addmm(_bias(convolution2), sums.flatten(1), weights, alpha=1 / n_cells)


def _base(stack: Stack, affine: Affine, taps: Tensor, bias: Tensor) -> Base:
    """Of saliency maps, and of what location and embedding maps are outside of all windows.

    A tap adds the same in every cell, except where it leaves the grid. All other terms are near 0 in the mean, so that
    little cancels in the sums of their products.
    """
    exist, n_saliency, level = stack.exist, stack.saliency.shape[1], torch.relu(affine.shift)
    first, last = int(stack.with_location), int(stack.with_location) + n_saliency
    n_own = 18 * n_saliency
    width = -(-(n_own + 10) // ALIGNED) * ALIGNED
    terms = exist.new_zeros(len(stack.saliency), len(exist), width)
    terms[:, :, n_own : n_own + 9] = exist - 1
    terms[:, :, -1] = 1
    weights = []
    if n_saliency:
        centre = stack.saliency.mean(dim=(0, 2, 3))
        scale = affine.scale[first:last]
        shift = torch.addcmul(affine.shift[first:last], scale, centre)
        maps = _rectified((stack.saliency - centre[:, None, None]).permute(0, 2, 3, 1), scale, shift)
        middle = maps.mean(dim=(0, 1, 2))
        seen = terms[:, :, :n_own].view(len(terms), *maps.shape[1:3], 3, 3, -1)
        seen.copy_(neighbours(maps - middle))
        parts = torch.cat([scale, shift])
        own = (parts * middle).view(2, -1).sum(dim=0)
        level = torch.cat([level[:first], own, level[last:]])
        weights.append((taps[first:last].repeat(2, 1, 1) * parts[:, None, None]).transpose(0, 1).flatten(0, 1))
    constant = torch.mm(level[None], taps.flatten(1)).view(9, -1)
    none = taps.new_zeros(width - n_own - 10, taps.shape[2])
    return Base(terms, torch.cat([*weights, constant, none, (constant.sum(dim=0) + bias)[None]]))


def _changed(before: Tensor, stack: Stack, affine: Affine, taps: Tensor) -> Tensor:
    """[B, h * w, filters] around the windows, where before is what it would be without them."""
    maps, weights = [], []
    if stack.with_location:
        scale, shift = affine.scale[0], affine.shift[0]
        maps.append(torch.relu(torch.addcmul(shift, stack.share, scale)) - torch.relu(shift))
        weights.append(taps[:1].transpose(0, 1).expand(len(before), -1, -1, -1))
    if stack.h is not None:
        scale, shift = affine.scale[-stack.h.shape[1] :], affine.shift[-stack.h.shape[1] :]
        rise = torch.relu(torch.addcmul(shift, stack.h, scale)) - torch.relu(shift)
        maps.append(stack.inside)
        weights.append(torch.mm(rise, taps[-stack.h.shape[1] :].flatten(1)).view(len(before), 9, 1, -1))
    if not maps:
        return before.clone()
    seen = neighbours(torch.cat(maps, dim=1).permute(0, 2, 3, 1)).reshape(*before.shape[:2], -1)
    return torch.baddbmm(before, seen, torch.cat(weights, dim=2).flatten(1, 2))


def _rectified(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Two maps for each of x [..., K]: scale x the first K + shift x the last K is relu(scale x + shift)."""
    on = (torch.addcmul(shift, x, scale) > 0).to(x.dtype)
    return torch.cat([on * x, on], dim=-1)


def _first_norm(stack: Stack, norm: nn.BatchNorm2d) -> Affine:
    """The first BN, of X."""
    if not norm.training:
        return running_affine(norm)
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
    return batch_affine(norm, torch.cat(means), torch.cat(variances), n_rows * n_cells)


def _second_norm(base: Base, before: Tensor, after: Tensor, image: Tensor, norm: nn.BatchNorm2d) -> Affine:
    """The second BN: its input is base, but after [B, h * w, filters] where that would be before."""
    n_values = len(image) * base.terms.shape[1]
    weight = torch.bincount(image, minlength=len(base.terms)).to(before.dtype)
    products = torch.tensordot(weight, torch.bmm(base.terms.mT, base.terms), dims=1)
    apart, centre = base.weights[:-1], base.weights[-1]
    rise = after - before
    mean = (products[-1, :-1] @ apart + rise.sum(dim=(0, 1))) / n_values
    squares = (torch.mm(products[:-1, :-1], apart) * apart).sum(dim=0)
    squares = squares + (rise * (before + after - 2 * centre)).sum(dim=(0, 1))
    return batch_affine(norm, mean + centre, squares / n_values - mean.square(), n_values)


def _taps(convolution: nn.Conv2d) -> Tensor:
    """The weights tap by tap, [in, 9, out]."""
    return convolution.weight.permute(1, 2, 3, 0).flatten(1, 2)


def _bias(convolution: nn.Conv2d) -> Tensor:
    return convolution.weight.new_zeros(len(convolution.weight)) if convolution.bias is None else convolution.bias
