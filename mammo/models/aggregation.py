"""The layers of f_agg, computed exactly but without building X or convolving 32 constant maps.

An embedding map has two values, h_k inside the window and 0 outside, and keeps two values through BN and ReLU. So the
first convolution of all 32 maps is a constant map plus, for each patch, nine vectors applied to the window's cells; and
since the second convolution is followed by the mean over cells, only sums of its input are needed.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


def normalised_convolution(
    dense: Tensor, h: Tensor | None, inside: Tensor | None, norm: nn.BatchNorm2d, convolution: nn.Conv2d
) -> Tensor:
    """Convolution(ReLU(BN(X))) of X = dense maps followed by the embedding maps h painted inside the window.

    Args:
        dense: maps [B, D, rows, cols] that come first in X; D may be 0.
        h: representation [B, K], or None where X has no embedding maps.
        inside: [B, 1, rows, cols], 1 in cells that the window touches, else 0.
        norm: batch normalisation over all D + K maps; in training its running statistics are updated.
        convolution: 3x3, padding 1, over all D + K maps.

    Returns:
        [B, out, rows, cols], equal to the plain layers on X.
    """
    n_dense = dense.shape[1]
    scale, shift = _scale_and_shift(dense, h, inside, norm)
    weight, grid = convolution.weight, dense.shape[2:]
    bias = torch.zeros_like(weight[:, 0, 0, 0]) if convolution.bias is None else convolution.bias
    out = bias[:, None, None].expand(len(dense), -1, *grid)
    if n_dense:
        active = torch.relu(dense * scale[:n_dense, None, None] + shift[:n_dense, None, None])
        out = functional.conv2d(active, weight[:, :n_dense], bias, padding=1)
    if h is None or inside is None:
        return out
    outside_value = torch.relu(shift[n_dense:])
    inside_value = torch.relu(h * scale[n_dense:] + shift[n_dense:])
    constant = torch.einsum("k,okij->oij", outside_value, weight[:, n_dense:])[:, None]
    out = out + functional.conv2d(torch.ones_like(inside[:1]), constant, padding=1)
    step = torch.einsum("bk,okij->boij", inside_value - outside_value, weight[:, n_dense:]).flatten(2)
    cells = functional.unfold(inside, 3, padding=1)
    return out + torch.bmm(step, cells).view(len(h), -1, *grid)


def _scale_and_shift(
    dense: Tensor, h: Tensor | None, inside: Tensor | None, norm: nn.BatchNorm2d
) -> tuple[Tensor, Tensor]:
    """What BN multiplies and adds, [D + K] each: from the batch in training, from the running statistics else."""
    if norm.training:
        mean = dense.mean(dim=(0, 2, 3))
        var = (dense - mean[:, None, None]).square().mean(dim=(0, 2, 3))
        if h is not None and inside is not None:
            share = inside.mean(dim=(1, 2, 3))[:, None]
            h_mean = (h * share).mean(dim=0)
            mean = torch.cat([mean, h_mean])
            var = torch.cat([var, ((h**2) * share).mean(dim=0) - h_mean**2])
        _update(norm, mean.detach(), var.detach(), dense.shape[0] * dense.shape[2] * dense.shape[3])
    else:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, var = norm.running_mean, norm.running_var
    scale = norm.weight * torch.rsqrt(var + norm.eps)
    return scale, norm.bias - mean * scale


def _update(norm: nn.BatchNorm2d, mean: Tensor, var: Tensor, n_values: int) -> None:
    """Move the running statistics as torch's own layer does, the variance being the unbiased one."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    momentum = 0.1 if norm.momentum is None else norm.momentum
    norm.num_batches_tracked.add_(1)
    norm.running_mean.lerp_(mean, momentum)
    norm.running_var.lerp_(var * n_values / (n_values - 1), momentum)


def pooled_convolution(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Global average pooling of a padded 3x3 convolution of x [B, C, H, W], without computing it: [B, out].

    For each of the nine taps it needs only the sum of x over the cells that the tap sees: all but a border row or
    column.
    """
    rows = torch.stack([x[:, :, :-1].sum(dim=2), x.sum(dim=2), x[:, :, 1:].sum(dim=2)], dim=2)
    seen = torch.stack([rows[..., :-1].sum(dim=3), rows.sum(dim=3), rows[..., 1:].sum(dim=3)], dim=3)
    cells = x.shape[2] * x.shape[3]
    pooled = torch.einsum("bcij,ocij->bo", seen / cells, convolution.weight)
    return pooled if convolution.bias is None else pooled + convolution.bias
