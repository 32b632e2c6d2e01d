"""What BN layers multiply and add, against torch's own layer."""

import copy

import torch
from torch import nn

from mammo.models.batch_norm import batch_affine, running_affine

torch.manual_seed(0)
X = torch.randn(6, 3, 4, 5, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1])[:, None, None] + 2


def layer() -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(3).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


def test_in_training_it_is_the_layer_and_moves_its_statistics() -> None:
    norm = layer()
    plain = copy.deepcopy(norm)
    scale, shift = batch_affine(norm, X.mean(dim=(0, 2, 3)), X.var(dim=(0, 2, 3), unbiased=False), X[:, 0].numel())
    assert torch.allclose(X * scale[:, None, None] + shift[:, None, None], plain(X))
    for one, other in zip(norm.buffers(), plain.buffers(), strict=True):
        assert torch.allclose(one, other)


def test_in_evaluation_it_is_the_layer() -> None:
    norm = layer()
    norm(X)
    norm.eval()
    scale, shift = running_affine(norm)
    assert torch.allclose(X * scale[:, None, None] + shift[:, None, None], norm(X))
