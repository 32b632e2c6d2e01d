"""The warnings name the reason: no image of that place, or a nipple that was not found, of one or of both images."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from mammo.data.datamodule import MammoDataModule
from mammo.geometry import Frame
from mammo.inference.missing_images import lesions_without, missing_images
from mammo.maps.view_geometry import Landmarks
from mammo.maps.view_sources import KINDS, OtherViewMaps

FRAME = Frame(368, 240, 8)
VIEW, BREAST, BOTH = (
    "the other view of the breast",
    "the other breast",
    "the other view of the breast and without the other breast",
)


def data_of(others: dict[str, str], without_nipple: str) -> MammoDataModule:
    """Data of an image "own" with these other images, of which those with these names have no nipple."""

    def landmarks(name: str) -> Landmarks:
        nipple = None if name in without_nipple.split() else (180.0, 100.0)
        return Landmarks(nipple, (0.0, 0.0), (368.0, 120.0))

    def saliency(ids: object) -> np.ndarray:
        return np.full((1, 2, *FRAME.grid), 0.5, np.float32)

    maps = {
        kind: OtherViewMaps(kind, {"own": others.get(kind, "")}, landmarks, saliency, saliency, FRAME) for kind in KINDS
    }
    return cast("MammoDataModule", SimpleNamespace(image_maps=maps))


ALL = {"ipsi": "view", "contra": "breast"}


@pytest.mark.parametrize(
    ("others", "without_nipple", "expected"),
    [
        (ALL, "", []),
        ({}, "", [(BOTH, "them", "no usable image of them was given")]),
        ({"ipsi": "view"}, "", [(BREAST, "it", "no usable image of it was given")]),
        ({"contra": "breast"}, "", [(VIEW, "it", "no usable image of it was given")]),
        (ALL, "breast", [(BREAST, "it", "no nipple was found on its image")]),
        (ALL, "view breast", [(BOTH, "them", "no nipple was found on their images")]),
        (ALL, "own view", [(BOTH, "them", "no nipple was found on the lesion's own image")]),
        (
            {"contra": "breast"},
            "breast",
            [
                (VIEW, "it", "no usable image of it was given"),
                (BREAST, "it", "no nipple was found on its image"),
            ],
        ),
    ],
)
def test_the_reason_is_named(others: dict[str, str], without_nipple: str, expected: list[tuple[str, str, str]]) -> None:
    data = data_of(others, without_nipple)
    assert missing_images(data, "own") == [
        f"Scored without {what}, which the networks read where an exam has {them}: {why}."
        for what, them, why in expected
    ]
    is_absent = {kind: not source(["own"])[0, -1].any() for kind, source in data.image_maps.items()}
    assert {kind: bool(n) for kind, n in lesions_without(data, ["own"]).items()} == is_absent, "as presence says"
