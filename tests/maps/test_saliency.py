"""Saliency sources other than a context network: controls and maps of another model."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.maps.saliency import ExternalMaps, ShuffledMaps, ZeroMaps
from mammo.records import MammoError

IDS = [f"image{number}" for number in range(20)]
GROUPS = {image_id: ("test CC" if number % 4 == 0 else "train MLO") for number, image_id in enumerate(IDS)}
PATIENTS = {image_id: f"patient{number // 8}.{number % 4}" for number, image_id in enumerate(IDS)}
MAPS = np.random.default_rng(0).uniform(size=(20, 2, 6, 5)).astype(np.float32)


def source(image_ids: Sequence[str]) -> NDArray[np.float32]:
    return MAPS[[IDS.index(image_id) for image_id in image_ids]]


def test_shuffled_maps_are_those_of_another_patient_of_the_same_group() -> None:
    """Every patient has two images in a group, as of the two breasts or of two exams."""
    shuffled = ShuffledMaps(source, PATIENTS, GROUPS, seed=0)
    assert sorted(shuffled.other.values()) == sorted(IDS), "every map is used once"
    for image_id, other in shuffled.other.items():
        assert PATIENTS[other] != PATIENTS[image_id]
        assert GROUPS[other] == GROUPS[image_id]
        assert np.array_equal(shuffled([image_id])[0], source([other])[0])


def test_the_shuffle_depends_only_on_its_seed() -> None:
    assert ShuffledMaps(source, PATIENTS, GROUPS, 0).other == ShuffledMaps(source, PATIENTS, GROUPS, 0).other
    assert ShuffledMaps(source, PATIENTS, GROUPS, 0).other != ShuffledMaps(source, PATIENTS, GROUPS, 1).other


def test_images_of_a_patient_who_has_most_of_a_group_get_maps_of_others_too() -> None:
    patients = dict.fromkeys(IDS, "most") | {"image3": "other", "image7": "other"}
    shuffled = ShuffledMaps(source, patients, dict.fromkeys(IDS, "test CC"), 0).other
    assert all(patients[other] != patients[image_id] for image_id, other in shuffled.items())
    alone = ShuffledMaps(source, dict.fromkeys(IDS, "one"), GROUPS, 0).other
    assert alone == dict(zip(IDS, IDS, strict=True))


def test_zero_maps_are_zero() -> None:
    assert ZeroMaps((6, 5))(IDS).shape == (20, 2, 6, 5)
    assert not ZeroMaps((6, 5))(IDS).any()


def test_external_maps_are_read_by_image_id(tmp_path: Path) -> None:
    for image_id, maps in zip(IDS, MAPS, strict=True):
        np.save(tmp_path / f"{image_id}.npy", maps.astype(np.float64))
    read = ExternalMaps(tmp_path, (6, 5))(["image3", "image1"])
    assert read.dtype == np.float32
    assert np.array_equal(read, MAPS[[3, 1]])


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (np.zeros((2, 5, 6)), r"image0\.npy must hold numbers \[2, 6, 5\], .* got float64 \[2, 5, 6\]"),
        (np.zeros((6, 5)), r"got float64 \[6, 5\]"),
        (np.full((2, 6, 5), 1.01), r"values outside \[0, 1\] or NaN"),
        (np.full((2, 6, 5), np.nan), r"values outside \[0, 1\] or NaN"),
        (np.zeros((2, 6, 5), dtype="U3"), r"must hold numbers .* got <U3 \[2, 6, 5\]"),
    ],
)
def test_external_maps_of_the_wrong_type_size_or_range_are_rejected(
    tmp_path: Path, maps: NDArray[np.generic], message: str
) -> None:
    np.save(tmp_path / "image0.npy", maps)
    with pytest.raises(MammoError, match=message):
        ExternalMaps(tmp_path, (6, 5))(["image0"])


def test_a_missing_or_damaged_external_map_is_rejected_by_name(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"image0\.npy does not exist"):
        ExternalMaps(tmp_path, (6, 5))(["image0"])
    (tmp_path / "image0.npy").write_bytes(b"no array")
    with pytest.raises(MammoError, match=r"image0\.npy is not a NumPy array .*: write it with numpy\.save"):
        ExternalMaps(tmp_path, (6, 5))(["image0"])
