"""Inverted images are recognized by a bright background, or by dark fine structures where there is none."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame
from mammo.intake.gate import admit
from mammo.intake.inversion import looks_inverted
from mammo.intake.outcomes import Flag
from mammo.intake.rasters import read_raster
from mammo.records import ImageRecord, Laterality, View

ROWS, COLS = np.mgrid[:400, :300]
INSIDE = np.hypot((ROWS - 200) / 180, COLS / 200) < 1
EXAM = os.environ.get("MAMMO_REAL_EXAM")


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
