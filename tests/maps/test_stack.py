"""Order and content of the map stack, against the paper's description."""

import pytest
import torch

from mammo.geometry import Frame
from mammo.maps.stack import CHANNELS, batch_columns, canonical_order, embedding_map, map_stack, maps_name
from mammo.records import MammoError

FRAME = Frame(48, 40, 8)
BATCH = {
    "window": torch.tensor([[20.0, 20.0, 16.0, 10.0], [30.0, 12.0, 9.0, 0.0]]),
    "saliency": torch.rand(2, 2, *FRAME.grid, generator=torch.Generator().manual_seed(1)),
    "saliency_row": torch.tensor([1, 0]),
    "embedding": torch.randn(2, 32, generator=torch.Generator().manual_seed(2)),
}


def test_the_order_of_maps_is_canonical_for_any_input_order() -> None:
    assert canonical_order(["emb", "loc", "sal"]) == ("loc", "sal", "emb")
    assert maps_name(["emb", "sal"]) == "sal+emb"
    assert torch.equal(map_stack(["emb", "sal"], BATCH, FRAME), map_stack(["sal", "emb"], BATCH, FRAME))


@pytest.mark.parametrize("maps", [["loc"], ["sal"], ["emb"], ["loc", "sal"], ["sal", "emb"], ["loc", "sal", "emb"]])
def test_the_stack_has_the_channels_of_all_selected_maps(maps: list[str]) -> None:
    assert map_stack(maps, BATCH, FRAME).shape == (2, sum(CHANNELS[name] for name in maps), *FRAME.grid)


def test_embedding_replaces_every_nonzero_element_of_the_location_map() -> None:
    x = map_stack(["loc", "emb"], BATCH, FRAME)
    location, embedding = x[:, :1], x[:, 1:]
    touched = (location > 0).expand_as(embedding)
    assert torch.equal(embedding[~touched], torch.zeros(int((~touched).sum())))
    h = BATCH["embedding"][:, :, None, None].expand_as(embedding)
    assert torch.equal(embedding[touched], h[touched])


def test_batch_columns_are_only_those_that_the_maps_need() -> None:
    assert batch_columns(["sal"]) == ("saliency",)
    assert batch_columns(["emb", "loc"]) == ("window", "embedding")


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([], r"^maps=\[\]: choose at least one map"),
        (["emb", "bogus"], r"^maps=\['emb', 'bogus'\]: unknown map 'bogus'"),
    ],
)
def test_empty_and_unknown_maps_are_rejected(maps: list[str], message: str) -> None:
    with pytest.raises(MammoError, match=message):
        canonical_order(maps)


def test_the_embedding_map_holds_h_where_the_location_map_is_not_zero() -> None:
    generator = torch.Generator().manual_seed(0)
    location = torch.rand(3, 1, 6, 5, generator=generator) * (torch.rand(3, 1, 6, 5, generator=generator) > 0.6)
    h = torch.randn(3, 32, generator=generator)
    expected = torch.zeros(3, 32, 6, 5)
    for patch in range(3):
        for k in range(32):
            for row in range(6):
                for col in range(5):
                    if location[patch, 0, row, col] != 0:
                        expected[patch, k, row, col] = h[patch, k]
    assert torch.equal(embedding_map(h, location), expected)


def test_the_embedding_map_holds_h_in_barely_covered_cells() -> None:
    location = torch.tensor([1e-6, 0.5, 1.0, 0.0]).view(1, 1, 2, 2)
    assert embedding_map(torch.full((1, 32), -2.0), location)[0, 7].tolist() == [[-2.0, -2.0], [-2.0, 0.0]]


def test_the_embedding_map_has_the_type_of_h() -> None:
    assert embedding_map(torch.ones(1, 32, dtype=torch.float64), torch.ones(1, 1, 2, 2)).dtype == torch.float64
