"""The map stack X of f_agg in factored form, and sums, moments, neighborhoods and batch normalization of its maps.

Only the saliency maps fill the grid, and they belong to the image, not to the crop window. The location and embedding
maps are constant outside the window, and remain so after BN and ReLU. Therefore the output of the first convolution is
a base, computed once per image, plus a change in the cells around each window.

Windows, and in training images too, are processed in chunks that fit the processor's cache.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

IMAGES_PER_CHUNK = 10
WINDOWS_PER_CHUNK = 250
"""Chunks that fit a processor's cache with 46 x 30 cells (paper), windows of up to 7 x 7 cells and 32 filters."""


class Affine(NamedTuple):
    """A BN layer as one multiplication and one addition."""

    scale: Tensor
    """[channels]."""
    shift: Tensor
    """[channels], added after scaling."""


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
        ones = self.saliency.new_ones(len(self.image))
        # Not bincount, which waits for a GPU to know the size of its result.
        return self.saliency.new_zeros(len(self.saliency)).index_add_(0, self.image, ones) / len(ones)

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
        return Base(self.maps, *normalized(self.weight, self.bias, affine))


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
