"""The breast is separated from film air, labels and borders; images with a background of one value stay as they are."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.intake.breast import find_breast
from mammo.intake.film import find_air
from mammo.intake.rasters import read_raster

SHAPE, FINENESS = (736, 480), 0.25
ROWS, COLS = np.mgrid[: SHAPE[0], : SHAPE[1]]
DEPTH = 1 - np.hypot((ROWS - 360) / 300, COLS / 320)
"""[H, W], 0 at the skin, positive in the breast, which touches column 0."""

INSIDE = DEPTH > 0
NYU, MIAS = os.environ.get("MAMMO_REAL_EXAM"), os.environ.get("MAMMO_MINI_MIAS")


def film(air: float, noise: float, seed: int = 0) -> NDArray[np.uint16]:
    """Return a film [H, W]: a breast that darkens towards the skin, on noisy air."""
    rng = np.random.default_rng(seed)
    tissue = 700 + 1800 * np.sqrt(np.clip(DEPTH, 0, 1)) + 300 * np.sin(ROWS / 23) * np.sin(COLS / 31)
    return np.clip(np.where(INSIDE, tissue, air) + rng.normal(0, noise, SHAPE), 1, 4095).astype(np.uint16)


def agreement(pixels: NDArray[np.uint16]) -> tuple[float, float]:
    """Return the shares of the breast inside the mask, and of the mask outside the breast."""
    breast = find_breast(pixels, FINENESS)
    assert breast is not None
    truth = INSIDE[:: breast.stride, :: breast.stride]
    return (breast.tissue & truth).sum() / truth.sum(), (breast.tissue & ~truth).sum() / breast.tissue.sum()


@pytest.mark.parametrize(("air", "noise"), [(60, 12), (60, 2), (160, 12), (300, 30), (500, 20)])
@pytest.mark.parametrize("black_rows", [0, 8])
def test_the_breast_is_found_on_gray_air(air: float, noise: float, black_rows: int) -> None:
    pixels = film(air, noise)
    pixels[:black_rows] = 0
    kept, beside = agreement(pixels)
    assert kept > 0.97
    assert beside < 0.01
    breast = find_breast(pixels, FINENESS)
    assert breast is not None
    box, truth = breast.box(), Box.around(INSIDE)
    edges = np.array([box.row0 - truth.row0, box.row1 - truth.row1, box.col1 - truth.col1])
    assert np.abs(edges).max() <= 16


def test_corners_where_the_film_cuts_the_breast_are_breast() -> None:
    cut = (ROWS < 420) & (COLS < 260)
    rng = np.random.default_rng(0)
    pixels = np.where(cut, 1500 + 200 * np.sin(ROWS / 23), 120) + rng.normal(0, 10, SHAPE)
    breast = find_breast(pixels.astype(np.uint16), FINENESS)
    assert breast is not None
    truth = cut[:: breast.stride, :: breast.stride]
    assert (breast.tissue & truth).sum() > 0.995 * truth.sum()
    assert (breast.tissue & ~truth).sum() < 0.015 * truth.sum()  # one sample along its edge


def test_labels_borders_and_padding_are_not_breast() -> None:
    pixels = film(120, 10)
    pixels[40:120, 380:450] = 3900
    pixels[60:90, 395:430:6] = 200
    pixels[:, 470:] = 4000
    pixels[720:] = 0
    kept, beside = agreement(pixels)
    assert kept > 0.97
    assert beside < 0.01


def test_air_that_is_brighter_on_one_side_is_air() -> None:
    kept, beside = agreement(np.clip(film(60, 8) + np.where(INSIDE, 0, COLS * 0.3), 0, 4095).astype(np.uint16))
    assert kept > 0.97
    assert beside < 0.02


@pytest.mark.parametrize("background", [0, 7, 300])
@pytest.mark.parametrize("marked", [False, True])
def test_a_background_of_one_value_is_not_film(background: int, marked: bool) -> None:
    pixels = np.where(INSIDE, film(0, 20), background).astype(np.uint16)
    if marked:
        pixels[40:60, 380:420] = 4000
    assert find_air(pixels, FINENESS) is None


@pytest.mark.parametrize("brightest", [500, 800, 1400, 4000])
def test_an_image_of_8_bits_with_a_background_of_one_value_is_not_film(brightest: int) -> None:
    tissue = brightest * np.clip(DEPTH, 0, 1) + np.random.default_rng(0).normal(0, 10, SHAPE)
    bytes_ = np.where(INSIDE, np.clip(np.round(tissue / 4095 * 255), 1, 255), 0)
    assert find_air(np.round(bytes_ / 255 * 4095).astype(np.uint16), FINENESS) is None


def test_the_even_fat_inside_a_bright_skin_is_not_air() -> None:
    fat = np.random.default_rng(0).normal(500, 40, SHAPE)
    tissue = np.where(DEPTH < 0.06, 2600, np.where(np.hypot(ROWS - 360, COLS - 120) < 130, 2000, fat))
    assert find_air(np.where(INSIDE, tissue, 0).astype(np.uint16), FINENESS) is None


def test_a_breast_without_background_is_not_film() -> None:
    assert find_air(film(60, 5)[200:500, :200], FINENESS) is None


@pytest.mark.skipif(NYU is None, reason="MAMMO_REAL_EXAM is not set")
def test_the_real_digital_exam_is_not_film() -> None:
    for file in (Path(str(NYU)) / "images").glob("*.png"):
        assert find_air(read_raster(file).values, 1) is None


@pytest.mark.skipif(MIAS is None, reason="MAMMO_MINI_MIAS is not set")
def test_the_mask_of_real_films_holds_no_air() -> None:
    """Their air is below 8 of 255; the breast fills at least a tenth of the picture."""
    dark = []
    for number in range(1, 241, 8):
        pixels = cv2.imread(str(Path(str(MIAS)) / f"mdb{number:03d}.pgm"), cv2.IMREAD_UNCHANGED)
        breast = find_breast(pixels * np.uint16(16), 0.4)
        assert breast is not None
        gray = cv2.blur(pixels, (3, 3))[:: breast.stride, :: breast.stride]
        dark.append((gray[breast.tissue] < 8).mean())
        assert breast.tissue.mean() > 0.08, number
    assert max(dark) < 0.04
    assert np.mean(dark) < 0.01
