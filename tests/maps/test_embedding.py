"""The embedding map against painting cell by cell."""

import torch

from mammo.maps.embedding import embedding_map


def test_h_is_painted_where_the_location_map_is_not_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    location = torch.rand(3, 1, 6, 5, generator=generator) * (torch.rand(3, 1, 6, 5, generator=generator) > 0.6)
    h = torch.randn(3, 32, generator=generator)
    painted = torch.zeros(3, 32, 6, 5)
    for patch in range(3):
        for k in range(32):
            for row in range(6):
                for col in range(5):
                    if location[patch, 0, row, col] != 0:
                        painted[patch, k, row, col] = h[patch, k]
    assert torch.equal(embedding_map(h, location), painted)


def test_however_little_of_a_cell_is_covered() -> None:
    location = torch.tensor([1e-6, 0.5, 1.0, 0.0]).view(1, 1, 2, 2)
    assert embedding_map(torch.full((1, 32), -2.0), location)[0, 7].tolist() == [[-2.0, -2.0], [-2.0, 0.0]]


def test_it_keeps_the_type_of_h() -> None:
    assert embedding_map(torch.ones(1, 32, dtype=torch.float64), torch.ones(1, 1, 2, 2)).dtype == torch.float64
