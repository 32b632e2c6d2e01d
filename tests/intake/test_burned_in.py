"""Burned-in text: rows of glyphs are found at any position; markers and noise are not text."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mammo.intake.burned_in import _specks, shows_text

RNG = np.random.default_rng(5)


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
