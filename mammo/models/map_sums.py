"""Sums over whole maps that are relu(terms x weights), forward and backward, a few images at a time.

The cells of a map are rows: terms [U, cells, K] say what there is in each cell, weights [K, C] how much of it goes into
each channel of the maps. These, larger than any cache, are written and read while the cache holds them.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

AT_ONCE = 4
"""Images at a time; at the paper's 46 x 30 cells and 32 filters, an image's terms and maps take 0.4 MB."""


class RectifiedSums(torch.autograd.Function):
    """Sums over cells of relu(terms x weights), each cell counted as often as counts say."""

    @staticmethod
    def forward(ctx: Any, terms: Tensor, weights: Tensor, counts: Tensor) -> Tensor:  # noqa: ANN401
        """[U, T, C] of terms [U, cells, K], weights [K, C] and counts [T, cells]; only the weights have a gradient."""
        maps = terms.new_empty(*terms.shape[:2], weights.shape[1])
        sums = terms.new_empty(len(terms), len(counts), weights.shape[1])
        for some in _parts(len(terms)):
            torch.mm(terms[some].flatten(0, 1), weights, out=maps[some].view(-1, weights.shape[1])).relu_()
            torch.bmm(counts.expand(len(maps[some]), -1, -1), maps[some], out=sums[some])
        ctx.save_for_backward(terms, maps, counts)
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:  # noqa: ANN401
        """The gradient of the weights."""
        terms, maps, counts = ctx.saved_tensors
        of_weights = terms.new_zeros(terms.shape[2], maps.shape[2])
        for some in _parts(len(terms)):
            of_maps = torch.bmm(counts.T.expand(len(maps[some]), -1, -1), gradients[0][some])
            of_maps = torch.ops.aten.threshold_backward(of_maps, maps[some], 0)
            of_weights.addmm_(terms[some].flatten(0, 1).T, of_maps.flatten(0, 1))
        return None, of_weights, None


def neighbours(maps: Tensor) -> Tensor:
    """What each tap of a padded 3x3 convolution sees of maps [U, rows, cols, K], [U, rows, cols, 3, 3, K].

    Beyond the border there are zeros.
    """
    padded = functional.pad(maps, (0, 0, 1, 1, 1, 1))
    return padded.unfold(1, 3, 1).unfold(2, 3, 1).permute(0, 1, 2, 4, 5, 3)


def _parts(n: int) -> Iterator[slice]:
    return (slice(start, start + AT_ONCE) for start in range(0, n, AT_ONCE))
