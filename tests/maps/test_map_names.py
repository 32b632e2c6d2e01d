"""Canonical order, names and batch columns of combinations of maps."""

import pytest

from mammo.maps.map_names import batch_columns, canonical_order, is_maps_name, maps_name
from mammo.paper import MAPS
from mammo.records import MammoError


def test_the_order_of_maps_is_canonical_for_any_input_order() -> None:
    assert canonical_order(["emb", "contra", "loc", "ipsi", "sal"]) == ("loc", "sal", "ipsi", "contra", "emb")
    assert maps_name(["emb", "sal"]) == "sal+emb"


def test_the_papers_combinations_have_their_names() -> None:
    assert {maps_name(maps.split("+")[::-1]) for maps in MAPS} == set(MAPS)
    assert all(map(is_maps_name, MAPS))


@pytest.mark.parametrize("text", ["", "emb+sal", "sal+sal", "sal+emb+", "heat"])
def test_other_texts_are_no_names_of_combinations(text: str) -> None:
    assert not is_maps_name(text)


def test_batch_columns_are_only_those_that_the_maps_need() -> None:
    assert batch_columns(["sal"]) == ("saliency",)
    assert batch_columns(["emb", "loc"]) == ("window", "embedding")
    assert batch_columns(["emb", "contra", "ipsi"]) == ("ipsi", "contra", "window", "embedding")


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ([], r"^maps=\[\]: choose at least one map"),
        (
            ["emb", "bogus"],
            r"^maps=\['emb', 'bogus'\]: unknown map 'bogus'; choose loc, sal, ipsi, contra or emb, as in",
        ),
    ],
)
def test_empty_and_unknown_maps_are_rejected(maps: list[str], message: str) -> None:
    with pytest.raises(MammoError, match=message):
        canonical_order(maps)
