"""Masks are read by their values, as a person would mean them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from mammo.geometry import Box
from mammo.intake.masks import MaskError, outline_of_mask_file
from mammo.intake.rejections import RejectedError

SHAPE = (200, 120)
BOX = Box(90, 110, 30, 50)
SQUARE = np.zeros(SHAPE, np.uint8)
SQUARE[90:110, 30:50] = 1
TWO = SQUARE.copy()
TWO[20:30, 20:30] = 2
BLACK, WHITE = SQUARE * 0, SQUARE * 0 + 255
RED = np.dstack([SQUARE * 255, BLACK, BLACK])
SOFT = cv2.GaussianBlur(SQUARE * 255, (7, 7), 2)


@pytest.mark.parametrize("kind", ["int64", "uint64", "float16", "float32", "float64"])
def test_a_tiff_of_any_type_of_number_is_read(kind: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", SQUARE.astype(kind))
    assert outline_of_mask_file(tmp_path / "m.tif", SHAPE)[1] == BOX


def test_values_that_cannot_be_compared_are_named(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tif", SQUARE.astype(np.complex64))
    with pytest.raises(MaskError, match="values of the type complex64: save it with 8 bits per pixel"):
        outline_of_mask_file(tmp_path / "m.tif", SHAPE)


def palette(colors: list[int]) -> Image.Image:
    image = Image.fromarray(SQUARE, mode="P")
    image.putpalette(colors + [7] * (768 - len(colors)))
    return image


def saved(folder: Path, mask: NDArray[np.generic] | Image.Image, name: str) -> Path:
    (mask if isinstance(mask, Image.Image) else Image.fromarray(mask)).save(folder / name)
    return folder / name


@pytest.mark.parametrize(
    ("mask", "name"),
    [
        (SQUARE, "one.png"),
        (SQUARE * 255, "white.png"),
        (SQUARE.astype(np.uint16) * 65535, "sixteen_bit.png"),
        (SQUARE.astype(np.float32), "fraction.tif"),
        (Image.fromarray(SQUARE * 255).convert("1"), "bilevel.png"),
        (palette([255, 255, 255, 0, 0, 0]), "palette_with_white_background.png"),
        (palette([0, 0, 0, 128, 0, 0]), "palette_with_dark_red.png"),
        (RED, "red.png"),
        (np.dstack([SQUARE * 90] * 3), "dark_gray_as_color.png"),
        (np.dstack([RED, SQUARE * 255]), "red_on_transparent.png"),
        (np.dstack([RED, WHITE]), "red_on_opaque_black.png"),
        (np.dstack([WHITE, WHITE, WHITE, SQUARE * 255]), "white_on_transparent_white.png"),
        (np.dstack([BLACK, BLACK, BLACK, SQUARE * 255]), "black_on_transparent.png"),
        (np.dstack([SQUARE * 255, WHITE]), "gray_with_opaque_alpha.png"),
        (SQUARE * 255, "compressed.jpg"),
        (SOFT, "blurred.png"),
        (cv2.GaussianBlur(RED, (7, 7), 2), "blurred_red.png"),
        (cv2.resize(cv2.resize(SQUARE * 255, (60, 100)), (120, 200)), "scaled.png"),
    ],
)
def test_a_mask_of_one_lesion_is_the_square_that_was_drawn(
    tmp_path: Path, mask: NDArray[np.generic] | Image.Image, name: str
) -> None:
    inside, box = outline_of_mask_file(saved(tmp_path, mask, name), SHAPE)
    assert box == BOX
    assert inside.mean() > 0.95  # blur rounds the corners


def test_a_chosen_value_is_one_of_several_lesions(tmp_path: Path) -> None:
    path = saved(tmp_path, TWO, "two.png")
    assert [outline_of_mask_file(path, SHAPE, value)[1] for value in (1, 2)] == [BOX, Box(20, 30, 20, 30)]
    with pytest.raises(RejectedError):
        outline_of_mask_file(path, SHAPE, 3)


GREEN = RED.copy()
GREEN[20:30, 20:30] = [0, 255, 0]
RING = SQUARE * 255
RING[91:109, 31:49] = 0
STRIPES = np.repeat(np.arange(200, dtype=np.uint8) // 10, 120).reshape(SHAPE)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (WHITE, "covers 100 % of its image: the lesion must be white on black"),
        (255 - SQUARE * 255, "covers 98 % of its image"),
        (TWO, "has the values 1, 2 above 0: if they are several lesions"),
        (TWO * 100, "has the values 100, 200 above 0"),
        (np.where(TWO == 2, 255, TWO).astype(np.uint8), "has the values 1, 255 above 0"),
        (STRIPES, "has the values 1, 2, 3, 4, 5, 6, 7, 8 above 0"),
        (RING, "is only a line around the lesion: fill it"),
        (GREEN, "has several colors: give one mask for each lesion"),
        (SQUARE[:100], "the mask is 100 x 120, but its image is 200 x 120"),
    ],
)
def test_a_mask_that_can_mean_several_things_is_rejected(
    tmp_path: Path, mask: NDArray[np.generic], message: str
) -> None:
    with pytest.raises(MaskError, match=message):
        outline_of_mask_file(saved(tmp_path, mask, "mask.png"), SHAPE)
