"""Breast images: masks, skin depth, reduction and the choice of images."""

import os
from pathlib import Path

import numpy as np
import pytest

from mammo.realism.breast_images import BreastImage, StoreImages, exam_images, measurement_scale
from mammo.records import MammoError


@pytest.fixture
def image() -> BreastImage:
    """A half disc of radius 120 px at the chest wall, with a black spot inside and a label beside it."""
    rows, cols = np.ogrid[0:300, 0:200]
    gray = np.where((rows - 150.0) ** 2 + cols**2 < 120.0**2, 0.4, 0).astype(np.float32)
    gray[145:155, 40:50] = 0
    gray[20:26, 150:190] = 1
    return BreastImage(gray, 0.25, "p")


def test_the_mask_includes_dark_spots_and_excludes_labels(image: BreastImage) -> None:
    rows, cols = np.ogrid[0:300, 0:200]
    disc = (rows - 150) ** 2 + cols**2 < 120**2
    assert (image.mask ^ disc).mean() < 0.002
    assert image.mask[150, 45]
    assert not image.mask[20:26, 150:190].any()


def test_skin_depth_is_measured_from_the_skin_and_not_from_the_border(image: BreastImage) -> None:
    assert image.skin_depth[150, 0] == pytest.approx(480, abs=8)
    assert image.skin_depth[150, 100] == pytest.approx(80, abs=8)


def test_a_reduced_image_keeps_its_brightness_and_its_breast(image: BreastImage) -> None:
    half = image.reduced(0.125)
    assert half.gray.shape == (150, 100)
    assert half.gray.mean() == pytest.approx(image.gray.mean(), rel=1e-5)
    assert half.mask.sum() * 4 == pytest.approx(image.mask.sum(), rel=0.03)
    assert half.skin_depth.max() == pytest.approx(image.skin_depth.max(), abs=10)


def test_images_are_measured_at_the_largest_possible_scale() -> None:
    scales = {1: 1, 0.9: 0.25, 0.5: 0.25, 0.25: 0.25, 0.2: 0.125, 0.125: 0.125}
    assert {fineness: measurement_scale(fineness) for fineness in scales} == scales
    with pytest.raises(MammoError, match="16 full-size pixels are too coarse: use a store of 1/8 or finer"):
        measurement_scale(1 / 16)


def test_the_images_of_whole_patients_are_used(small_root: Path) -> None:
    store_images = StoreImages(small_root / "store", 8)
    images = list(store_images)
    assert len(images) == len(store_images) == 8
    assert len({one.patient for one in images}) == 2
    assert all(one.scale == 0.125 and one.mask.mean() > 0.3 for one in images)
    assert len(StoreImages(small_root / "store", 1000)) == 48


@pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM is not set")
def test_images_of_a_real_exam_face_right_at_full_size() -> None:
    for image in exam_images(Path(os.environ["MAMMO_REAL_EXAM"])):
        assert image.scale == 1
        assert image.mask[:, 0].mean() > 0.5
        assert 0.5 < image.mask.mean() < 1
