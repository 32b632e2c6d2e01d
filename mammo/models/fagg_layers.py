"""The layers of f_agg, computed exactly without building the map stack X.

Only the saliency maps fill the grid, and they belong to the image, not to the crop window. The location and embedding
maps are constant outside the window, and remain so after BN and ReLU. Therefore the output of the first convolution is
a base, computed once per image, plus a change in the cells around each window. The second convolution is followed by
the mean over cells, so only sums of its input are needed: those of the base, once per image, plus those of the changes.

Windows, and in training images too, are processed in chunks that fit the processor's cache. In training the base is
convolved twice: for the statistics of the second BN, and then with that BN folded into the weights, which is cheaper
than normalizing the maps.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.map_statistics import Affine, Moments, batch_affine, neighbors, running_affine, tap_sums

IMAGES_PER_CHUNK = 10
WINDOWS_PER_CHUNK = 250
"""Chunks that fit a processor's cache with 46 x 30 cells (paper), windows of up to 7 x 7 cells and 32 filters."""


class Stack(NamedTuple):
    """The map stack X [B, M, rows, cols] in factored form; any of its maps (loc, sal, emb) may be absent."""

    saliency: Tensor
    """[U, 0 or 2, rows, cols], saliency maps of the U different images of the batch."""
    image: Tensor
    """int64 [B], index of each row's image among the U."""
    start: Tensor
    """int64 [B, 2], first grid cell (row, col) of each row's part of the grid: the window and one cell around it."""
    share: Tensor
    """[B, 1, h, w] in [0, 1], the location map in that part; it is 0 elsewhere."""
    with_location: bool
    """Whether X has the location map."""
    h: Tensor | None
    """Representations [B, K] of the embedding maps, or None without them."""

    @property
    def inside(self) -> Tensor:
        """[B, 1, h, w], 1 in cells that the window touches, else 0."""
        return (self.share > 0).to(self.share.dtype)

    @property
    def ends(self) -> Tensor:
        """Bool [B, 2, 2]: whether the first and last row, and first and last column, of the part are the grid's."""
        part, grid = (self.start.new_tensor(maps.shape[2:]) for maps in (self.share, self.saliency))
        return torch.stack([self.start == 0, self.start + part == grid], dim=2)

    @property
    def shares(self) -> Tensor:
        """[U] in [0, 1], share of the rows that belong to each image."""
        return torch.bincount(self.image, minlength=len(self.saliency)).to(self.saliency.dtype) / len(self.image)

    @property
    def n_cells(self) -> int:
        """Number of cells of the grid."""
        return self.saliency.shape[2] * self.saliency.shape[3]

    def cut(self, maps: Tensor) -> Tensor:
        """Cut each row's part of the grid [B, h, w, K] out of the maps [U, rows, cols, K] of its image.

        Maps padded by n rows and columns give parts that are larger by n.
        """
        _, n_rows, n_cols, n_maps = maps.shape
        more = n_rows - self.saliency.shape[2]
        rows, cols = (
            self.start[:, axis, None] + torch.arange(self.share.shape[2 + axis] + more, device=maps.device)
            for axis in (0, 1)
        )
        rows = rows + self.image[:, None] * n_rows
        cells = rows[:, :, None] * n_cols + cols[:, None, :]
        return maps.flatten(0, 2).index_select(0, cells.flatten()).view(*cells.shape, n_maps)

    def parts(self) -> Iterator["Stack"]:
        """Split the rows into chunks, each with the saliency maps of all images."""
        for start in range(0, len(self.image), WINDOWS_PER_CHUNK):
            some = slice(start, start + WINDOWS_PER_CHUNK)
            h = None if self.h is None else self.h[some]
            yield self._replace(image=self.image[some], start=self.start[some], share=self.share[some], h=h)


class Base(NamedTuple):
    """First convolution of the maps that fill the grid; they need no gradient."""

    maps: Tensor
    """[U, K, rows, cols]."""
    weight: Tensor
    """[filters, K, 3, 3]."""
    bias: Tensor
    """[filters]."""

    def whole(self) -> Iterator[Tensor]:
        """Yield the output [N, rows, cols, filters] of N images at a time."""
        for maps in torch.split(self.maps, IMAGES_PER_CHUNK):
            yield functional.conv2d(maps, self.weight, self.bias, padding=1).permute(0, 2, 3, 1)

    def around(self, stack: Stack) -> Tensor:
        """Output [B, h, w, filters] in the parts of the grid of a stack, computed only there."""
        maps = stack.cut(functional.pad(self.maps, (1, 1, 1, 1)).permute(0, 2, 3, 1))
        return functional.conv2d(maps.permute(0, 3, 1, 2), self.weight, self.bias).permute(0, 2, 3, 1)

    def normalized(self, affine: Affine) -> "Base":
        """The same base followed by BN."""
        return Base(self.maps, *_normalized(self.weight, self.bias, affine))


class Change(NamedTuple):
    """Output of the first convolution in the parts of the grid around crop windows."""

    before: Tensor
    """[B, h, w, filters] of the base, without the window's location and embedding maps."""
    after: Tensor
    """[B, h, w, filters] with them."""
    ends: Tensor
    """As Stack.ends."""

    def normalized(self, affine: Affine) -> "Change":
        """The same change followed by BN."""
        before, after = (torch.addcmul(affine.shift, maps, affine.scale) for maps in (self.before, self.after))
        return Change(before, after, self.ends)

    def tap_sums(self) -> Tensor:
        """Change [B, 9, filters] of the tap sums after ReLU; call it once, because it works in place."""
        return tap_sums(self.after.relu_() - self.before.relu_(), self.ends)


def aggregate(
    stack: Stack, norm1: nn.BatchNorm2d, convolution1: nn.Conv2d, norm2: nn.BatchNorm2d, convolution2: nn.Conv2d
) -> Tensor:
    """Global average pooling of Convolution2(ReLU(BN2(Convolution1(ReLU(BN1(X)))))).

    Equal to the same layers applied to X, in training (batch statistics, running ones updated) and in evaluation. Both
    convolutions are 3x3 with padding 1.

    Args:
        stack: X [B, M, rows, cols] in factored form.
        norm1: of M channels.
        convolution1: from M channels to filters.
        norm2: of filters channels.
        convolution2: from filters to filters.

    Returns:
        [B, filters].
    """
    affine, weight, bias = _first_norm(stack, norm1), convolution1.weight, _bias(convolution1)
    if not norm2.training:  # the running statistics are known, so that BN folds into the convolution
        weight, bias = _normalized(weight, bias, running_affine(norm2))
    base = _base(stack, affine, weight, bias)
    everywhere = torch.ones(1, 2, 2, dtype=torch.bool, device=stack.start.device)
    changes: Iterable[Change]
    if norm2.training:
        changes = [_change(part, base.around(part), affine, weight) for part in stack.parts()]
        second = _second_norm(stack, base, changes, norm2)
        base, changes = base.normalized(second), [change.normalized(second) for change in changes]
        sums = torch.cat([tap_sums(maps.relu_(), everywhere) for maps in base.whole()])
    else:  # without gradients, and with many windows per image, whole maps fit memory
        whole = torch.cat(list(base.whole()))
        changes = (_change(part, part.cut(whole), affine, weight) for part in stack.parts())
        sums = tap_sums(torch.relu(whole), everywhere)
    sums = sums[stack.image] + torch.cat([change.tap_sums() for change in changes])
    weights = convolution2.weight.permute(2, 3, 1, 0).flatten(0, 2)
    return torch.addmm(_bias(convolution2), sums.flatten(1), weights, alpha=1 / stack.n_cells)


def _base(stack: Stack, affine: Affine, weight: Tensor, bias: Tensor) -> Base:
    """The base of saliency maps, and of location and embedding maps as they are outside all windows: constant.

    relu(scale * x + shift) equals scale * (on * x) + shift * on, where `on` is 1 in cells with a positive value: two
    maps without gradient, weighted by factors with one.
    """
    first, last = int(stack.with_location), int(stack.with_location) + stack.saliency.shape[1]
    scale, shift = affine.scale[first:last, None, None], affine.shift[first:last, None, None]
    on = (torch.addcmul(shift, stack.saliency, scale) > 0).to(weight.dtype)
    ones = on.new_ones(len(on), 1, *on.shape[2:])
    maps = torch.cat([ones, on * stack.saliency, on], dim=1)
    level, own = torch.relu(affine.shift[:, None, None]) * weight, weight[:, first:last]
    constant = level[:, :first].sum(dim=1, keepdim=True) + level[:, last:].sum(dim=1, keepdim=True)
    weights = torch.cat([constant, own * scale, own * shift], dim=1)
    layout = torch.channels_last
    return Base(maps.contiguous(memory_format=layout), weights.contiguous(memory_format=layout), bias)


def _change(stack: Stack, before: Tensor, affine: Affine, weight: Tensor) -> Change:
    """The change that location and embedding maps make to the base `before` [B, h, w, filters]."""
    taps = weight.permute(1, 2, 3, 0).flatten(1)
    maps, weights = [], []
    if stack.with_location:
        scale, shift = affine.scale[0], affine.shift[0]
        maps.append(torch.relu(torch.addcmul(shift, stack.share, scale)) - torch.relu(shift))
        weights.append(taps[:1].expand(len(before), -1))
    if stack.h is not None:
        own = slice(len(taps) - stack.h.shape[1], None)
        scale, shift = affine.scale[own], affine.shift[own]
        rise = torch.relu(torch.addcmul(shift, stack.h, scale)) - torch.relu(shift)
        maps.append(stack.inside)
        weights.append(torch.mm(rise, taps[own]))
    if not maps:
        return Change(before, before.clone(), stack.ends)
    seen = neighbors(torch.cat(maps, dim=1))
    weights_of_rows = torch.cat(weights, dim=1).view(len(before), seen.shape[1], -1)
    after = torch.baddbmm(before.flatten(1, 2), seen.mT, weights_of_rows).view(before.shape)
    return Change(before, after, stack.ends)


def _first_norm(stack: Stack, norm: nn.BatchNorm2d) -> Affine:
    """The first BN, applied to X."""
    if not norm.training:
        return running_affine(norm)
    n_rows, n_cells = len(stack.image), stack.n_cells
    means, variances = [], []
    if stack.with_location:
        mean = stack.share.sum() / (n_rows * n_cells)
        around = (stack.share - mean).square().sum() + mean**2 * n_rows * (n_cells - stack.share[0].numel())
        means.append(mean[None])
        variances.append(around[None] / (n_rows * n_cells))
    if stack.saliency.shape[1]:
        shares = stack.shares
        mean = shares @ stack.saliency.mean(dim=(2, 3))
        means.append(mean)
        variances.append(shares @ (stack.saliency - mean[:, None, None]).square().mean(dim=(2, 3)))
    if stack.h is not None:
        covered = stack.inside.sum(dim=(1, 2, 3))[:, None] / n_cells
        mean = (stack.h * covered).mean(dim=0)
        means.append(mean)
        variances.append((stack.h.square() * covered).mean(dim=0) - mean.square())
    return batch_affine(norm, torch.cat(means), torch.cat(variances), n_rows * n_cells)


def _second_norm(stack: Stack, base: Base, changes: Iterable[Change], norm: nn.BatchNorm2d) -> Affine:
    """The second BN, applied to the base with the changes."""
    n_values, shares = len(stack.image) * stack.n_cells, stack.shares
    means, variances = (torch.cat(of) for of in zip(*(Moments.apply(maps) for maps in base.whole()), strict=True))
    mean = shares @ means
    center = mean.detach()  # squares about the mean are small, so that little cancels
    squares = shares @ (variances + (means - center).square())
    for before, after, _ in changes:
        rise = after - before
        mean = mean + rise.sum(dim=(0, 1, 2)) / n_values
        squares = squares + (rise * (before + after - 2 * center)).sum(dim=(0, 1, 2)) / n_values
    return batch_affine(norm, mean, squares - (mean - center).square(), n_values)


def _normalized(weight: Tensor, bias: Tensor, affine: Affine) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with BN folded in."""
    return weight * affine.scale[:, None, None, None], torch.addcmul(affine.shift, bias, affine.scale)


def _bias(convolution: nn.Conv2d) -> Tensor:
    return convolution.weight.new_zeros(len(convolution.weight)) if convolution.bias is None else convolution.bias
