"""The sampling index, against a check of every pixel of the small cohort."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammo.data.sampling_index import SamplingIndex
from mammo.geometry import CropWindow
from mammo.records import MammoError, PatchClass, Pathology, Split
from mammo.store.manifest import Manifest
from mammo.store.schema import SHARES


@pytest.fixture(scope="module")
def manifest(small_root: Path) -> Manifest:
    return Manifest.load(small_root / "store").of_split(Split.TRAIN)


@pytest.fixture(scope="module")
def index(manifest: Manifest) -> SamplingIndex:
    return SamplingIndex.from_manifest(manifest)


def painted(manifest: Manifest, image_id: str) -> dict[str, np.ndarray]:
    """For each lesion of an image, a mask of the network window, filled pixel by pixel from the stored frame."""
    frame, chain = manifest.frame, manifest.chain(image_id)
    centers = np.stack(np.mgrid[: frame.height, : frame.width], axis=-1) + 0.5
    rows, cols = np.moveaxis(np.floor(chain.network_to_stored(centers)).astype(int), -1, 0)
    masks = {}
    for lesion_id in manifest.lesions.index[manifest.lesions["image_id"] == image_id]:
        mask, box = manifest.outline(lesion_id)
        stored = np.zeros(chain.stored_shape, dtype=bool)
        stored[box.row0 : box.row1, box.col0 : box.col1] = mask
        inside = (rows >= 0) & (rows < stored.shape[0]) & (cols >= 0) & (cols < stored.shape[1])
        masks[lesion_id] = inside & stored[np.where(inside, rows, 0), np.where(inside, cols, 0)]
    return masks


def test_lesion_pixels_are_the_outline_in_the_network_frame(manifest: Manifest, index: SamplingIndex) -> None:
    checked = 0
    for image_id in manifest.images.index:
        for lesion_id, mask in painted(manifest, image_id).items():
            pixels = index.pixels[manifest.lesions.index.get_loc(lesion_id)]
            assert sorted(map(tuple, pixels)) == sorted(map(tuple, np.argwhere(mask) + 0.5))
            checked += 1
    assert checked == len(manifest.lesions) == len(index.labels)


def test_lesion_rows_point_to_their_images(manifest: Manifest, index: SamplingIndex) -> None:
    ids = manifest.images.index
    assert [ids[row] for row in index.image_of] == manifest.lesions["image_id"].tolist()
    for image, lesions in index.lesions_by_image.items():
        assert (manifest.lesions["image_id"].iloc[lesions] == ids[image]).all()


def test_candidates_follow_the_tables(manifest: Manifest, index: SamplingIndex) -> None:
    labels = manifest.lesions["label"].to_numpy()
    with_lesions = manifest.images.index.isin(manifest.lesions["image_id"])
    expected = {
        PatchClass.MALIGNANT: np.flatnonzero(labels == "malignant"),
        PatchClass.BENIGN: np.flatnonzero(labels == "benign"),
        PatchClass.OUTSIDE: np.flatnonzero(with_lesions),
        PatchClass.NEGATIVE: np.flatnonzero(manifest.images["negative"]),
    }
    for patch_class, rows in expected.items():
        assert rows.size > 0
        assert index.candidate_rows(patch_class).tolist() == rows.tolist()


def test_overlapped_pathologies_are_those_of_the_pixels_inside(manifest: Manifest, index: SamplingIndex) -> None:
    image = max(index.lesions_by_image, key=lambda row: len(index.lesions_by_image[row]))
    masks = painted(manifest, manifest.images.index[image])
    centers = np.stack(np.mgrid[: index.frame.height, : index.frame.width], axis=-1) + 0.5
    rng, seen = np.random.default_rng(0), set()
    for _ in range(150):
        window = CropWindow(rng.uniform(80, 320), rng.uniform(20, 200), rng.uniform(16, 150), rng.uniform(-30, 30))
        inside = window.contains(centers)
        touched = {Pathology(manifest.lesions["label"][key]) for key, mask in masks.items() if (mask & inside).any()}
        values = np.array([[window.row, window.col, window.side, window.angle]])
        assert index.overlapped_pathologies(np.array([image]), values) == [touched]
        seen.add(frozenset(touched))
    assert len(seen) == 4  # no lesion, malignant, benign, both


def test_tissue_codes_decode_to_the_fractions_of_the_manifest_exactly(manifest: Manifest, index: SamplingIndex) -> None:
    for row, image_id in enumerate(manifest.images.index):
        assert np.array_equal(SHARES[index.tissue[row]], manifest.tissue(image_id))
    assert np.array_equal(SHARES, (np.arange(256, dtype=np.uint8) / 255).astype(np.float32))


def test_tissue_fraction_is_close_to_the_fraction_of_tissue_pixels(index: SamplingIndex) -> None:
    fine = np.kron(index.tissue[0] / 255, np.ones((8, 8)))
    centers = np.stack(np.mgrid[: index.frame.height, : index.frame.width], axis=-1) + 0.5
    rng = np.random.default_rng(1)
    for _ in range(50):
        window = CropWindow(rng.uniform(0, 368), rng.uniform(0, 240), rng.uniform(16, 48), rng.uniform(-30, 30))
        fraction = fine[window.contains(centers)].sum() / window.side**2
        values = np.array([[window.row, window.col, window.side, window.angle]])
        assert abs(index.tissue_fractions(np.array([0]), values)[0] - fraction) < 0.15


def test_windows_outside_the_frame_have_no_tissue(index: SamplingIndex) -> None:
    assert index.tissue_fractions(np.array([0]), np.array([[-100.0, -100.0, 40.0, 0.0]])) == 0


def test_a_class_without_candidates_is_rejected_by_name(manifest: Manifest) -> None:
    without_lesions = Manifest(manifest.frame, manifest.images, manifest.lesions.iloc[:0])
    with pytest.raises(MammoError, match=r"no image can give a malignant patch: .* quota\.malignant=0"):
        SamplingIndex.from_manifest(without_lesions).candidate_rows(PatchClass.MALIGNANT)


def test_an_image_with_an_unplaced_finding_gives_no_patches(manifest: Manifest, index: SamplingIndex) -> None:
    """Not even of its outlined lesions: the other finding could lie in any of their windows."""
    all_unplaced = replace(index, unplaced=np.ones_like(index.unplaced))
    for patch_class in PatchClass:
        with pytest.raises(MammoError, match="no image can give a"):
            all_unplaced.candidate_rows(patch_class)
    image = int(index.candidate_rows(PatchClass.MALIGNANT).min())
    one = replace(index, unplaced=np.arange(len(index.unplaced)) == index.image_of[image])
    for patch_class, n_lost in ((PatchClass.OUTSIDE, 1), (PatchClass.NEGATIVE, 0)):
        assert len(one.candidate_rows(patch_class)) == len(index.candidate_rows(patch_class)) - n_lost
    assert image not in one.candidate_rows(PatchClass.MALIGNANT)
