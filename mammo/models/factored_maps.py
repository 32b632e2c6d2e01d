"""The map stack X of f_agg in factored form, and neighborhoods and batch normalization of its maps.

Only some maps fill the grid: saliency maps and those of the other view and the other breast. They belong to the image,
not to the crop window. The location and embedding maps are constant outside the window, and remain so after BN and
ReLU. Therefore the output of the first convolution is a base, computed once per image, plus a change in the cells
around each window.

Windows, and in training images too, are processed in chunks that fit the processor's cache.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.map_functions import EqualConvolution, SumOverProcesses, tap_sums

IMAGES_PER_CHUNK = 50
WINDOWS_PER_CHUNK = 250
"""Chunks that fit a processor's cache with 46 x 30 cells (paper), windows of up to 7 x 7 cells and 32 filters."""


class Affine(NamedTuple):
    """A BN layer as one multiplication and one addition."""

    scale: Tensor
    """[channels]."""
    shift: Tensor
    """[channels], added after scaling."""


class Stack(NamedTuple):
    """The map stack X [B, M, rows, cols] in factored form; any of its maps may be absent."""

    of_images: Tensor
    """[U, K, rows, cols], the K maps of each of the batch's U different images (sal, ipsi and contra: 0 to 10)."""
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
        part, grid = (self.start.new_tensor(maps.shape[2:]) for maps in (self.share, self.of_images))
        return torch.stack([self.start == 0, self.start + part == grid], dim=2)

    @property
    def shares(self) -> Tensor:
        """[U] in [0, 1], share of the rows that belong to each image."""
        ones = self.of_images.new_ones(len(self.image))
        # Not bincount, which waits for a GPU to know the size of its result.
        return self.of_images.new_zeros(len(self.of_images)).index_add_(0, self.image, ones) / len(ones)

    @property
    def n_cells(self) -> int:
        """Number of cells of the grid."""
        return self.of_images.shape[2] * self.of_images.shape[3]

    def cut(self, maps: Tensor, border: int = 0) -> Tensor:
        """Cut each row's part of the grid, with a border of so many cells, out of the maps of its image.

        Args:
            maps: [U, rows, cols, K], contiguous.
            border: of each side; 0 beyond the grid.

        Returns:
            [B, h + 2 * border, w + 2 * border, K].
        """
        places, inside = [], []
        for axis, n_cells in enumerate(maps.shape[1:3]):
            steps = torch.arange(-border, self.share.shape[2 + axis] + border, device=maps.device)
            place = self.start[:, axis, None] + steps
            inside.append((place >= 0) & (place < n_cells))
            places.append(place.clamp(0, n_cells - 1))
        rows, cols = places[0] + self.image[:, None] * maps.shape[1], places[1]
        cells = rows[:, :, None] * maps.shape[2] + cols[:, None, :]
        found = maps.flatten(0, 2).index_select(0, cells.flatten()).view(*cells.shape, maps.shape[3])
        return found * (inside[0][:, :, None, None] & inside[1][:, None, :, None]) if border else found

    def parts(self) -> Iterator["Stack"]:
        """Split the rows into chunks, each with the maps of all images."""
        for start in range(0, len(self.image), WINDOWS_PER_CHUNK):
            some = slice(start, start + WINDOWS_PER_CHUNK)
            h = None if self.h is None else self.h[some]
            yield self._replace(image=self.image[some], start=self.start[some], share=self.share[some], h=h)


class Base(NamedTuple):
    """First convolution of the maps that fill the grid; they need no gradient."""

    maps: Tensor
    """[U, rows, cols, C]."""
    weight: Tensor
    """[filters, C, 3, 3]."""
    bias: Tensor
    """[filters]."""
    fewer: Tensor
    """[U, rows, cols, D] with D <= C, maps that give the same output, without a gradient of their weights."""
    equal: Tensor
    """[filters, D, 3, 3], the weights with which they do."""

    def whole(self) -> list[Tensor]:
        """The output [N, rows, cols, filters] of N images at a time."""
        chunks = zip(torch.split(self.maps, IMAGES_PER_CHUNK), torch.split(self.fewer, IMAGES_PER_CHUNK), strict=True)
        return [EqualConvolution.apply(maps, self.weight, self.bias, fewer, self.equal) for maps, fewer in chunks]

    def around(self, stack: Stack) -> Tensor:
        """Output [B, h, w, filters] in the parts of the grid of a stack, computed only there."""
        maps = stack.cut(self.maps, border=1).permute(0, 3, 1, 2)
        return functional.conv2d(maps, self.weight, self.bias).permute(0, 2, 3, 1)


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


def normalized(weight: Tensor, bias: Tensor, affine: Affine) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with BN folded in."""
    return weight * affine.scale[:, None, None, None], torch.addcmul(affine.shift, bias, affine.scale)


def neighbors(maps: Tensor) -> Tensor:
    """The 3x3 neighborhood of each cell of maps [N, K, rows, cols], with zeros beyond the border.

    Returns:
        [N, K * 9, rows * cols], as torch's unfold.
    """
    n, channels, rows, cols = maps.shape
    padded = functional.pad(maps, (1, 1, 1, 1))
    return padded.unfold(2, rows, 1).unfold(3, cols, 1).reshape(n, channels * 9, rows * cols)


def running_affine(norm: nn.BatchNorm2d) -> Affine:
    """Scale and shift, [channels] each, from the layer's running statistics, as in evaluation."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return Affine(scale, norm.bias - norm.running_mean * scale)


def batch_affine(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor, n_values: int) -> Affine:
    """Scale and shift from the statistics of a batch, as in training; updates the running statistics as torch does.

    Args:
        norm: the layer; of a SyncBatchNorm (trainer.sync_batchnorm) the batch is that of all processes.
        mean: [channels], mean of each channel.
        var: [channels], biased variance of each channel (divided by n_values).
        n_values: number of values of a channel in the batch.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    n: Tensor | int = n_values
    if isinstance(norm, nn.SyncBatchNorm):
        mean, var, n = over_processes(mean, var, n_values)
    momentum = 0.1 if norm.momentum is None else norm.momentum
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean.detach(), momentum)
    norm.running_var.lerp_(var.detach() * n / (n - 1), momentum)
    scale = norm.weight * torch.rsqrt(var + norm.eps)
    return Affine(scale, norm.bias - mean * scale)


def over_processes(mean: Tensor, var: Tensor, n_values: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, biased variance and number of values of a batch of which each process has a part.

    Args:
        mean: [channels], of this process's part.
        var: [channels], biased, likewise.
        n_values: number of values of a channel in the part.

    Returns:
        Mean [channels], biased variance [channels] and number of values [] of the whole batch, with gradients to the
        parts of all processes.
    """
    n_all = SumOverProcesses.apply(torch.tensor(n_values, dtype=torch.float64, device=mean.device))
    share = n_values / n_all
    mean_all = SumOverProcesses.apply(share * mean)
    return mean_all, SumOverProcesses.apply(share * (var + (mean - mean_all).square())), n_all
