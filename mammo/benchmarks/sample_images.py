"""Sample images of benchmarks: a real exam if one is available, otherwise synthetic breasts of full size."""

import os
from pathlib import Path

import cv2
import numpy as np

from mammo.geometry import Frame
from mammo.intake.adapters import read_cohort
from mammo.intake.gate import admit
from mammo.records import FULL_SCALE, Pixels

FULL_SHAPE = (2944, 1920)
REAL_EXAM = "MAMMO_REAL_EXAM"
"""Environment variable with the folder of a real exam (data=nyu); only real images compress realistically."""


def images(n: int, shape: tuple[int, int] = FULL_SHAPE) -> tuple[dict[str, Pixels], str]:
    """Pixels [H, W] uint16, 0 to 4095, of n images by id, and "real" (one exam and mirrored copies) or "made".

    Args:
        n: number of images.
        shape: (rows, cols) of synthetic images; real images are used only at full size.
    """
    exam = os.environ.get(REAL_EXAM)
    if not exam or shape != FULL_SHAPE:
        return {f"image{index}": breast(index, shape) for index in range(n)}, "made"
    root = Path(exam)
    boxes = [admit(root, image, Frame(*FULL_SHAPE, 64), 1.0).pixels for image in read_cohort("nyu", root).images]
    mirrored = [pixels[::-1] for pixels in boxes]
    chosen = (boxes + mirrored)[:n]
    return {f"image{index}": _full_size(pixels) for index, pixels in enumerate(chosen)}, "real"


def _full_size(box: Pixels) -> Pixels:
    """A full-size image [2944, 1920] with the breast box [h, w] at the chest wall on a black background."""
    pixels = np.zeros(FULL_SHAPE, np.uint16)
    top = (FULL_SHAPE[0] - box.shape[0]) // 2
    pixels[top : top + box.shape[0], : box.shape[1]] = box
    return pixels


def breast(index: int, shape: tuple[int, int]) -> Pixels:
    """A synthetic breast [rows, cols] uint16, 0 to 4095: a half ellipse with coarse structure and grain on black."""
    rng = np.random.default_rng((0, index))
    rows, cols = np.ogrid[0 : shape[0], 0 : shape[1]]
    inside = ((rows / shape[0] - 0.5) / 0.45) ** 2 + (cols / shape[1] / 0.8) ** 2 < 1
    coarse = rng.normal(1800, 500, size=(shape[0] // 64 + 1, shape[1] // 64 + 1)).astype(np.float32)
    soft = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    grain = rng.normal(0, 25, size=shape)
    return np.where(inside, np.clip(soft + grain, 1, FULL_SCALE), 0).astype(np.uint16)
