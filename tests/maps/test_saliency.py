"""Saliency sources: what was stored comes back; the controls really are controls."""

from pathlib import Path

import numpy as np
import pytest

from mammo.maps.saliency import Shuffled, Zeros
from mammo.records import MammoError
from mammo.store.saliency import SaliencyMaps

IDS = [f"image{number}" for number in range(20)]
MAPS = np.random.default_rng(0).uniform(size=(20, 2, 6, 5)).astype(np.float32)


@pytest.fixture
def stored(tmp_path: Path) -> SaliencyMaps:
    maps = SaliencyMaps(tmp_path / "saliency.npz")
    maps.write(IDS, MAPS)
    return SaliencyMaps(tmp_path / "saliency.npz")


def test_stored_maps_come_back_by_image(stored: SaliencyMaps) -> None:
    assert np.abs(stored(["image7", "image2"]) - MAPS[[7, 2]]).max() < 1e-3


def test_an_image_without_maps_is_named(stored: SaliencyMaps) -> None:
    assert not stored.holds(["image99"])
    with pytest.raises(MammoError, match="image99"):
        stored(["image99"])


def test_shuffled_maps_are_the_same_maps_of_other_images(stored: SaliencyMaps) -> None:
    shuffled = Shuffled(stored)(IDS)
    assert np.allclose(np.sort(shuffled.sum(axis=(1, 2, 3))), np.sort(stored(IDS).sum(axis=(1, 2, 3))), atol=1e-3)
    moved = (np.abs(shuffled - stored(IDS)).max(axis=(1, 2, 3)) > 0).mean()
    assert moved > 0.8


def test_zeros_are_zero() -> None:
    assert not Zeros(6, 5)(IDS).any()
