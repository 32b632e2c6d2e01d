import os
from pathlib import Path

import numpy as np
import pytest

from mammo.realism.breasts import BreastImage, StoreBreasts, exam_breasts, measuring_scale
from mammo.records import MammoError


@pytest.fixture
def drawn() -> BreastImage:
    """A half disc of radius 120 px at the chest wall with a black spot in it, and a label beside it."""
    rows, cols = np.ogrid[0:300, 0:200]
    grey = np.where((rows - 150.0) ** 2 + cols**2 < 120.0**2, 0.4, 0).astype(np.float32)
    grey[145:155, 40:50] = 0
    grey[20:26, 150:190] = 1
    return BreastImage(grey, 0.25, "p")


def test_the_breast_is_found_without_its_label_and_with_its_dark_spots(drawn: BreastImage) -> None:
    rows, cols = np.ogrid[0:300, 0:200]
    disc = (rows - 150) ** 2 + cols**2 < 120**2
    assert (drawn.mask ^ disc).mean() < 0.002
    assert drawn.mask[150, 45]
    assert not drawn.mask[20:26, 150:190].any()


def test_skin_depth_is_counted_from_the_skin_in_full_size_pixels_and_not_from_the_images_edge(
    drawn: BreastImage,
) -> None:
    assert drawn.skin_depth[150, 0] == pytest.approx(480, abs=8)
    assert drawn.skin_depth[150, 100] == pytest.approx(80, abs=8)


def test_a_reduced_image_keeps_its_brightness_and_its_breast(drawn: BreastImage) -> None:
    half = drawn.at(0.125)
    assert half.grey.shape == (150, 100)
    assert half.grey.mean() == pytest.approx(drawn.grey.mean(), rel=1e-5)
    assert half.mask.sum() * 4 == pytest.approx(drawn.mask.sum(), rel=0.03)
    assert half.skin_depth.max() == pytest.approx(drawn.skin_depth.max(), abs=10)


def test_images_are_measured_at_a_scale_they_can_be_reduced_to() -> None:
    assert [measuring_scale(fineness) for fineness in (1, 0.9, 0.5, 0.25, 0.2, 0.125)] == [
        1,
        0.25,
        0.25,
        0.25,
        0.125,
        0.125,
    ]
    with pytest.raises(MammoError, match="16 full-size pixels are too coarse"):
        measuring_scale(1 / 16)


def test_whole_patients_of_a_store_are_picked(small_root: Path) -> None:
    breasts = StoreBreasts(small_root / "store", 8)
    images = list(breasts)
    assert len(images) == len(breasts) == 8
    assert len({image.patient for image in images}) == 2
    assert all(image.scale == 0.125 and image.mask.mean() > 0.3 for image in images)
    assert len(StoreBreasts(small_root / "store", 1000)) == 48


@pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM names no real exam")
def test_the_breasts_of_a_real_exam_face_right_at_full_size() -> None:
    for image in exam_breasts(Path(os.environ["MAMMO_REAL_EXAM"])):
        assert image.scale == 1
        assert image.mask[:, 0].mean() > 0.5
        assert 0.5 < image.mask.mean() < 1
