"""Sums over maps against the plain expressions and what autograd makes of them; neighbours against torch's unfold."""

import torch
from torch.nn import functional

from mammo.models.map_sums import AT_ONCE, RectifiedSums, neighbours

torch.manual_seed(0)
TERMS = torch.randn(AT_ONCE + 2, 12, 5, dtype=torch.float64)
WEIGHTS = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
COUNTS = torch.randint(0, 2, (4, 12)).double()


def test_rectified_sums_and_their_gradient() -> None:
    plain = torch.einsum("tp,upc->utc", COUNTS, torch.relu(torch.einsum("upk,kc->upc", TERMS, WEIGHTS)))
    assert torch.allclose(RectifiedSums.apply(TERMS, WEIGHTS, COUNTS), plain)
    assert torch.autograd.gradcheck(lambda weights: RectifiedSums.apply(TERMS, weights, COUNTS), (WEIGHTS,))


def test_taps_see_what_a_padded_convolution_sees() -> None:
    maps = torch.randn(2, 4, 3, 5)
    seen = neighbours(maps).reshape(2, 12, 9, 5)
    unfolded = functional.unfold(maps.permute(0, 3, 1, 2), 3, padding=1).reshape(2, 5, 9, 12)
    assert torch.equal(seen, unfolded.permute(0, 3, 2, 1))
