"""Maps of other images by image id, against the functions of two images; and the control with wrong patients."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammo.geometry import Frame
from mammo.maps.other_views import contra_maps, laid_over
from mammo.maps.view_geometry import Landmarks
from mammo.maps.view_sources import KINDS, Kind, OtherViewMaps, others_of_other_patients

FRAME = Frame(56, 40, 8)
OTHERS = {"a": "b", "b": "a", "c": "", "d": "a"}
LANDMARKS = {
    "a": Landmarks((20, 35), (0, 0), (50, 40), 0.6),
    "b": Landmarks((25, 30), (-4, 0), (56, 38), 0.6),
    "c": Landmarks((20, 35), (0, 0), (50, 40), 0.6),
    "d": Landmarks(None, (0, 0), (50, 40), 0.6),
}
MAPS = {name: np.random.default_rng(ord(name)).random((2, *FRAME.grid), np.float32) for name in OTHERS}


def saliency(image_ids: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([MAPS[image_id] for image_id in image_ids])


def source(kind: Kind) -> OtherViewMaps:
    return OtherViewMaps(kind, OTHERS, LANDMARKS.__getitem__, saliency, saliency, FRAME)


def test_the_maps_are_made_from_the_other_image() -> None:
    expected = laid_over(MAPS["b"], LANDMARKS["a"], LANDMARKS["b"], FRAME)
    assert np.array_equal(source("ipsi")(["a"])[0, :2], expected)
    expected = contra_maps(MAPS["a"], MAPS["b"], LANDMARKS["a"], LANDMARKS["b"], FRAME)
    assert np.array_equal(source("contra")(["a"])[0, :4], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_presence_is_one_with_both_images_and_nipples_and_else_all_is_zero(kind: Kind) -> None:
    maps = source(kind)(["a", "c", "b", "d", "unknown"])
    assert maps.dtype == np.float32
    presence = maps[:, -1]
    assert presence.min(axis=(1, 2)).tolist() == presence.max(axis=(1, 2)).tolist() == [1, 0, 1, 0, 0]
    assert not maps[[1, 3, 4]].any()
    assert maps[0, :-1].any()


@pytest.mark.parametrize("kind", KINDS)
def test_maps_are_made_once(kind: Kind) -> None:
    asked: list[str] = []

    def counted(image_ids: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(image_ids)
        return saliency(image_ids)

    maps = OtherViewMaps(kind, OTHERS, LANDMARKS.__getitem__, saliency, counted, FRAME)
    assert np.array_equal(maps(["a", "b"]), maps(["b", "a"])[::-1])
    assert sorted(asked) == ["a", "b"]


def exams(counts: Sequence[int]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """The other image, patient and group of images of patients with these numbers of them, in two groups."""
    ids = [f"{patient}.{number}" for patient, count in enumerate(counts) for number in range(count)]
    patients = {image_id: image_id.split(".")[0] for image_id in ids}
    groups = {image_id: f"train {'CC' if int(patients[image_id]) % 3 else 'MLO'}" for image_id in ids}
    return {image_id: f"other of {image_id}" for image_id in ids}, patients, groups


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), max_size=12), st.integers(0, 3))
def test_wrong_images_are_of_another_patient_of_the_group(counts: list[int], seed: int) -> None:
    others, patients, groups = exams(counts)
    found = others_of_other_patients(others, patients, groups, seed)
    assert set(found) == set(others)
    given_away = [other.removeprefix("other of ") for other in found.values() if other]
    assert len(set(given_away)) == len(given_away), "each is used once"
    for image_id, other in found.items():
        group = [each for each in groups if groups[each] == groups[image_id]]
        most = max(Counter(patients[each] for each in group).values())
        if other:
            giver = other.removeprefix("other of ")
            assert patients[giver] != patients[image_id]
            assert groups[giver] == groups[image_id]
        else:
            assert 2 * most > len(group), "only where one patient has most of the group"


def test_images_without_another_image_keep_none() -> None:
    others, patients, groups = exams([2, 2, 2, 2, 2, 2])
    others["1.0"] = ""
    found = others_of_other_patients(others, patients, groups)
    assert [image_id for image_id, other in found.items() if not other] == ["1.0"]
    assert "other of 1.0" not in found.values()


def test_the_exchange_depends_on_its_seed() -> None:
    table = exams([2] * 12)
    assert others_of_other_patients(*table, seed=0) == others_of_other_patients(*table, seed=0)
    assert others_of_other_patients(*table, seed=0) != others_of_other_patients(*table, seed=1)
