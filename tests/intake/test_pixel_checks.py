"""Inverted images, windows that hide the breast, and burned-in text are recognized in the pixels.

Inverted images have a bright background, or dark fine structures where there is none. A window that shows the breast in
one gray value hides it; a merely narrow one does not. Text is found at any position; markers and noise are not text.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mammo.geometry import Box, Frame
from mammo.intake.gate import admit
from mammo.intake.outcomes import Flag
from mammo.intake.pixel_checks import _specks, hides_breast, looks_inverted, shows_text
from mammo.intake.rasters import read_raster
from mammo.records import ImageRecord, Laterality, View

ROWS, COLS = np.mgrid[:400, :300]
INSIDE = np.hypot((ROWS - 200) / 180, COLS / 200) < 1
EXAM = os.environ.get("MAMMO_REAL_EXAM")

DOWN, ACROSS = np.mgrid[:256, :200]
IN_SHAPE = ((DOWN - 127.5) / 100) ** 2 + (ACROSS / 120) ** 2 < 1
BREAST = np.where(IN_SHAPE, 600 + DOWN * 2 + ACROSS, 3 + (DOWN * ACROSS) % 5).astype(np.uint16)
"""A breast of graded values on a nearly even background, [256, 200] uint16."""

RNG = np.random.default_rng(5)


def breast(seed: int = 0) -> NDArray[np.uint16]:
    """Return tissue [H, W] without background: fat with bright thin lines and dots."""
    rng = np.random.default_rng(seed)
    lines = np.zeros(ROWS.shape, np.float32)
    for _ in range(60):
        (row, col), (down, right) = rng.integers(0, (400, 300)), rng.integers(-150, 150, 2)
        start, stop = (int(col), int(row)), (int(col + right), int(row + down))
        cv2.line(lines, start, stop, float(rng.uniform(200, 900)), int(rng.integers(1, 4)))
    smooth = 1400 + 300 * np.sin(ROWS / 70) + cv2.GaussianBlur(lines, (0, 0), 1.2)
    return np.clip(smooth + rng.normal(0, 15, ROWS.shape), 1, 4000).astype(np.uint16)


IMAGES = {
    "with background": np.where(INSIDE, breast(), 0),
    "on gray air": np.where(INSIDE, breast(), 90 + ROWS % 7),
    "without background": breast(),
    "with a white border": np.where(COLS > 250, 4000, np.where(INSIDE, breast(), 40)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_upright_images_are_not_inverted(name: str) -> None:
    assert not looks_inverted(IMAGES[name].astype(np.uint16))


@pytest.mark.parametrize("name", ["with background", "on gray air", "without background"])
@pytest.mark.parametrize("top", [4095, 4050])
def test_inverted_images_are(name: str, top: int) -> None:
    assert looks_inverted(np.clip(top - IMAGES[name].astype(int), 0, 4095).astype(np.uint16))


def test_an_image_of_one_value_is_not_inverted() -> None:
    assert not looks_inverted(np.full((50, 60), 4095, np.uint16))


def test_an_inverted_file_is_flagged_and_turned_around(tmp_path: Path) -> None:
    upright = IMAGES["with background"].astype(np.uint16)
    cv2.imwrite(str(tmp_path / "x.png"), (4095 - upright).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "y.png"), upright)
    turned, plain = (
        admit(tmp_path, ImageRecord(name, "p", "e", Laterality.LEFT, View.CC), Frame(368, 240, 8), 1)
        for name in ("x.png", "y.png")
    )
    assert (turned.flags, plain.flags) == ((Flag.INVERTED,), ())
    assert turned.chain == plain.chain
    assert turned.chain.breast != Box(0, 400, 0, 300)
    assert np.array_equal(turned.pixels, plain.pixels)


@pytest.mark.skipif(EXAM is None, reason="MAMMO_REAL_EXAM is not set")
def test_real_images_with_and_without_background() -> None:
    for file in (Path(str(EXAM)) / "images").glob("*.png"):
        whole = read_raster(file).values
        for image in (whole, whole[700:1300, slice(0, 400) if "0_L" in file.name else slice(-400, None)]):
            assert not looks_inverted(image)
            assert looks_inverted((4095 - image).astype(np.uint16))


def windowed(values: NDArray[np.uint16], low: int, high: int) -> NDArray[np.uint16]:
    """Return values 0 to 4095 as a window from low to high shows them."""
    return np.round(np.clip((values.astype(float) - low) / (high - low), 0, 1) * 4095).astype(np.uint16)


@pytest.mark.parametrize(("low", "high"), [(100, 500), (10, 11), (4000, 4090), (1300, 1400)])
def test_a_window_outside_the_breasts_values_hides_it(low: int, high: int) -> None:
    assert hides_breast(BREAST, windowed(BREAST, low, high))


@pytest.mark.parametrize(("low", "high"), [(0, 4095), (500, 1400), (900, 901), (850, 1000)])
def test_a_window_within_the_breasts_values_shows_it(low: int, high: int) -> None:
    assert not hides_breast(BREAST, windowed(BREAST, low, high))


def test_a_marker_shown_white_is_not_breast() -> None:
    marked = BREAST.copy()
    marked[5:30, 150:180] = 3900 + np.arange(750).reshape(25, 30) % 190
    assert not hides_breast(marked, windowed(marked, 0, 2000))
    assert hides_breast(marked, windowed(marked, 100, 500))


def test_a_breast_with_a_single_stored_value_is_not_hidden() -> None:
    flat = np.where(IN_SHAPE, 900, 0).astype(np.uint16)
    assert not hides_breast(flat, windowed(flat, 0, 100))
    assert not hides_breast(np.full_like(flat, 7), windowed(flat, 0, 100))


def lettered(words: str, start: tuple[int, int]) -> NDArray[np.uint16]:
    """Return a dim half disc on black, [1200, 800] uint16, with words whose base line begins at start (row, col)."""
    rows, cols = np.indices((1200, 800))
    pixels = np.where((rows - 600) ** 2 + cols**2 < 450**2, 1500, 0).astype(np.uint16)
    sheet = np.zeros(pixels.shape, np.uint8)
    cv2.putText(sheet, words, start[::-1], cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 1)
    return np.maximum(pixels, sheet * np.uint16(16))


@pytest.mark.parametrize("start", [(30, 5), (30, 450), (250, 450), (1190, 200)])
def test_a_name_is_found_above_and_below_the_breast(start: tuple[int, int]) -> None:
    assert shows_text(lettered("DOE^JANE 650302", start))
    assert not shows_text(lettered("R MLO ab", start))


def test_a_name_is_found_among_specks_and_beside_a_bright_bar() -> None:
    pixels = lettered("DOE^JANE 650302", (60, 300))
    pixels[RNG.random(pixels.shape) < 1e-4] = 4080
    pixels[:, 790:] = 4080
    assert shows_text(pixels)


@pytest.mark.parametrize("density", [0, 1e-5, 1e-3, 0.05, 0.5])
@pytest.mark.parametrize("grown", [1, 4])
def test_specks_are_the_connected_parts_of_the_whole_mask(density: float, grown: int) -> None:
    mask = (RNG.random((400, 700)) < density).astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((grown, grown), np.uint8))
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    parts = [
        (cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        for rows, cols in ndimage.find_objects(labels)
    ]
    assert sorted(map(tuple, _specks(mask).tolist())) == sorted(parts)
