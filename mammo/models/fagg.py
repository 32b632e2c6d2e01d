"""f_agg, the aggregation network: a shallow CNN over the map stack X (paper, Figure 4b), computed without building X.

The first convolution of X is a base, computed once per image, plus a change around each window (factored_maps). The
second convolution is followed by the mean over cells, so only sums of its input are needed: those of the base, once per
image, plus those of the changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mammo.geometry import Frame
from mammo.maps.map_names import CHANNELS, COLUMNS, IMAGE_MAPS, batch_columns, canonical_order
from mammo.maps.stack import partial_location_maps
from mammo.models.factored_maps import (
    Affine,
    Base,
    Change,
    Stack,
    batch_affine,
    neighbors,
    normalized,
    running_affine,
)
from mammo.models.floc import PatchClassifier
from mammo.models.map_functions import Moments, NormalizedTapSums, tap_sums
from mammo.records import Batch, PatchClass


class FAgg(PatchClassifier):
    """(BN, ReLU, 3x3 convolution of 32 filters) twice, global average pooling, classifier; the task of f_loc.

    The paper states neither padding nor stride: both convolutions keep the grid (padding 1, stride 1). The forward
    pass never builds X; `plain` is the same network layer by layer, as the paper draws it. It computes in float32,
    because its speed depends on memory, not on multiplications.

    Args:
        maps: names of the maps (loc, sal, ipsi, contra, emb), in any order.
        frame: height, width and cell_px of the network window.
        lr: Adam's learning rate.
        loss: called with logits [B, 4] and targets int64 [B]; None for unweighted cross-entropy.
        n_filters: filters of each convolution.
    """

    window_seed: ClassVar[int | None] = 0
    scores_validation: ClassVar[bool] = True

    def __init__(
        self,
        maps: Sequence[str],
        frame: dict[str, int],
        lr: float,
        loss: nn.Module | None = None,
        n_filters: int = 32,
    ) -> None:
        super().__init__(lr, loss)
        saved = {"maps": list(maps), "frame": dict(frame), "lr": lr, "n_filters": n_filters}
        self.save_hyperparameters(saved)  # named one by one: Lightning itself would leave out `frame`
        self.maps, self.frame = canonical_order(maps), Frame(**frame)
        n_maps = sum(CHANNELS[name] for name in self.maps)
        self.bn1 = nn.BatchNorm2d(n_maps)
        self.conv1 = nn.Conv2d(n_maps, n_filters, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(n_filters)
        self.conv2 = nn.Conv2d(n_filters, n_filters, 3, padding=1)
        self.classifier = nn.Linear(n_filters, len(PatchClass))

    @classmethod
    def columns(cls, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """The batch columns that the network of these constructor arguments reads."""
        return batch_columns(arguments.get("maps", ()))

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, 4] by PatchClass of a batch.

        Args:
            batch: the columns of the maps (mammo.maps.map_names.batch_columns): window float64 [B, 4],
                (row, col, side, angle) of the crop window in the network frame; saliency [U, 2, rows, cols], ipsi
                [U, 3, rows, cols] and contra [U, 5, rows, cols] of each different image, with map_row int64 [B], the
                image of each row; embedding [B, 32], h.
        """
        with torch.autocast(self.device.type, enabled=False):
            pooled = aggregate(self._stack(batch), self.bn1, self.conv1, self.bn2, self.conv2)
            logits: Tensor = self.classifier(pooled)
        return logits

    def _stack(self, batch: Batch) -> Stack:
        """X in factored form; rows of one image share its maps."""
        n_rows = len(batch["map_row" if "map_row" in batch else "window"])
        dtype, device = self.conv1.weight.dtype, self.device
        if columns := [COLUMNS[name][0] for name in self.maps if name in IMAGE_MAPS]:
            of_images, image = torch.cat([batch[name] for name in columns], dim=1).to(dtype), batch["map_row"]
        else:
            image = torch.zeros(n_rows, dtype=torch.int64, device=device)
            of_images = torch.zeros(1, 0, *self.frame.grid, dtype=dtype, device=device)
        if "window" in batch:
            start, share = partial_location_maps(batch["window"], self.frame)
        else:
            start = torch.zeros(n_rows, 2, dtype=torch.int64, device=device)
            share = torch.zeros(n_rows, 1, 2, 2, device=device)
        h = batch["embedding"].to(dtype) if "emb" in self.maps else None
        return Stack(of_images, image, start, share.to(dtype), "loc" in self.maps, h)

    def plain(self, x: Tensor) -> Tensor:
        """Logits [B, 4] of the map stack X [B, M, rows, cols], layer by layer."""
        x = self.conv1(torch.relu(self.bn1(x)))
        x = self.conv2(torch.relu(self.bn2(x)))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits


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
        weight, bias = normalized(weight, bias, running_affine(norm2))
    base = _base(stack, affine, weight, bias)
    whole = base.whole()
    changes: Iterable[Change]
    if norm2.training:
        changes = [_change(part, base.around(part), affine, weight) for part in stack.parts()]
        second = _second_norm(stack, whole, changes, norm2)
        changes = [change.normalized(second) for change in changes]
        sums = torch.cat([NormalizedTapSums.apply(maps, *second) for maps in whole])
    else:  # with many windows per image, whole maps fit memory
        maps = torch.cat(whole)
        changes = (_change(part, part.cut(maps), affine, weight) for part in stack.parts())
        sums = tap_sums(torch.relu(maps), torch.ones(1, 2, 2, dtype=torch.bool, device=maps.device))
    sums = sums[stack.image] + torch.cat([change.tap_sums() for change in changes])
    weights = convolution2.weight.permute(2, 3, 1, 0).flatten(0, 2)
    return torch.addmm(_bias(convolution2), sums.flatten(1), weights, alpha=1 / stack.n_cells)


def _base(stack: Stack, affine: Affine, weight: Tensor, bias: Tensor) -> Base:
    """The base of the maps of images, and of location and embedding maps as they are outside all windows: constant.

    relu(scale * x + shift) equals scale * (on * x) + shift * on, where `on` is 1 in cells with a positive value: two
    maps without gradient, weighted by factors with one. The value alone needs one map.
    """
    first, last = int(stack.with_location), int(stack.with_location) + stack.of_images.shape[1]
    scale, shift = affine.scale[first:last], affine.shift[first:last]
    level, own = torch.relu(affine.shift[:, None, None]) * weight, weight[:, first:last]
    constant = level[:, :first].sum(dim=1, keepdim=True) + level[:, last:].sum(dim=1, keepdim=True)
    weights = torch.cat([constant, own * scale[:, None, None], own * shift[:, None, None]], dim=1)
    with torch.no_grad():
        maps, fewer = _base_maps(stack.of_images, scale, shift)
        equal = torch.cat([constant, own], dim=1)
    layout = torch.channels_last
    return Base(maps, weights.contiguous(memory_format=layout), bias, fewer, equal.contiguous(memory_format=layout))


def _base_maps(of_images: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """The maps of a base: 1, on * x and on, [U, rows, cols, 1 + 2 * K]; and 1 and relu(scale * x + shift).

    Args:
        of_images: x, [U, K, rows, cols].
        scale: [K].
        shift: [K].
    """
    x = of_images.permute(0, 2, 3, 1).contiguous()
    n = x.shape[3]
    maps, fewer = (x.new_empty(*x.shape[:3], 1 + size) for size in (2 * n, n))
    for each in (maps, fewer):
        each[..., 0] = 1
    shown, on = fewer[..., 1:], maps[..., 1 + n :]
    torch.addcmul(shift, x, scale, out=shown)
    torch.sign(shown.relu_(), out=on)
    torch.mul(on, x, out=maps[..., 1 : 1 + n])
    return maps, fewer


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
    if stack.of_images.shape[1]:
        shares = stack.shares
        mean = shares @ stack.of_images.mean(dim=(2, 3))
        means.append(mean)
        variances.append(shares @ (stack.of_images - mean[:, None, None]).square().mean(dim=(2, 3)))
    if stack.h is not None:
        covered = stack.inside.sum(dim=(1, 2, 3))[:, None] / n_cells
        mean = (stack.h * covered).mean(dim=0)
        means.append(mean)
        variances.append((stack.h.square() * covered).mean(dim=0) - mean.square())
    return batch_affine(norm, torch.cat(means), torch.cat(variances), n_rows * n_cells)


def _second_norm(stack: Stack, whole: Sequence[Tensor], changes: Iterable[Change], norm: nn.BatchNorm2d) -> Affine:
    """The second BN, applied to the base [N, rows, cols, filters] of N images at a time, with the changes."""
    n_values, shares = len(stack.image) * stack.n_cells, stack.shares
    means, variances = (torch.cat(of) for of in zip(*(Moments.apply(maps) for maps in whole), strict=True))
    mean = shares @ means
    center = mean.detach()  # squares about the mean are small, so that little cancels
    squares = shares @ (variances + (means - center).square())
    for before, after, _ in changes:
        rise = after - before
        mean = mean + rise.sum(dim=(0, 1, 2)) / n_values
        squares = squares + (rise * (before + after - 2 * center)).sum(dim=(0, 1, 2)) / n_values
    return batch_affine(norm, mean, squares - (mean - center).square(), n_values)


def _bias(convolution: nn.Conv2d) -> Tensor:
    return convolution.weight.new_zeros(len(convolution.weight)) if convolution.bias is None else convolution.bias
