"""Fixtures for imitations of the public data sets: a breast of 64 x 48 px, and writers and readers of its files."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.records import Cohort
from tests.intake.conftest import mammogram
from tests.intake.dicom_variants import Variant
from tests.intake.test_gate_bombs import DEFLATED, deflated, png

Write = Callable[..., None]
Read = Callable[[Path], Cohort]
ReadBombs = Callable[[Read, Path], Cohort]
RenameFiles = Callable[[Read, Path], None]

IMAGES = (".dcm", ".dicom", ".png", ".jpg")
N_BOMBS = 2
SMALL = 32 << 20
"""Largest increase in memory of the process that reads a folder, bytes."""


@pytest.fixture
def breast() -> NDArray[np.uint16]:
    return small_breast()


@pytest.fixture
def write() -> Write:
    return write_image


def small_breast() -> NDArray[np.uint16]:
    """A left breast, uint16 [64, 48]: a half disc that touches column 0."""
    rows, cols = np.mgrid[:64, :48]
    return np.where(((rows - 31.5) / 28) ** 2 + (cols / 40) ** 2 < 1, 1000 + 10 * rows + cols, 0).astype(np.uint16)


def write_image(path: Path, pixels: NDArray[np.generic], **tags: object) -> None:
    """Write DICOM, or a raster if the suffix is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".png", ".jpg", ".tif"):
        cv2.imwrite(str(path), pixels)
        return
    bits = 8 if pixels.dtype == np.uint8 else 16
    stored = max(min(bits, 12), int(pixels.max()).bit_length())
    layout = {"BitsAllocated": bits, "BitsStored": stored, "HighBit": stored - 1}
    dataset = mammogram(pixels, **(layout | tags))
    dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset.save_as(path, enforce_file_format=True)


@pytest.fixture
def rename_files() -> RenameFiles:
    """A function that checks that a folder reads the same with DICOM suffixes removed or in capitals.

    Such names come from media and archives. A file without a suffix that is not DICOM is not an image.
    """

    def records(cohort: Cohort) -> list[str]:
        images = [repr(replace(image, path="")) for image in cohort.images]
        return sorted(images + [f"{lesion.label} {lesion.label_source} {lesion.box}" for lesion in cohort.lesions])

    def rename_files(read: Read, folder: Path) -> None:
        before = records(read(folder))
        files = sorted(file for file in folder.rglob("*") if file.suffix in (".dcm", ".dicom"))
        for number, file in enumerate(files):
            file.rename(file.with_suffix(file.suffix.upper() if number % 2 else ""))
            (file.parent / "LICENSE").write_text("no image")
        assert records(read(folder)) == before

    return rename_files


@pytest.fixture
def read_bombs() -> ReadBombs:
    """A function that replaces a folder's first images by decompression bombs and checks the memory of reading it."""
    dicom = Variant("", syntax=DEFLATED, damage=deflated).content(0)

    def read_bombs(read: Read, folder: Path) -> Cohort:
        for file in sorted(file for file in folder.rglob("*") if file.suffix in IMAGES)[:N_BOMBS]:
            file.write_bytes(png(30000, 30000) if file.suffix in (".png", ".jpg") else dicom)
        tracemalloc.start()
        try:
            cohort = read(folder)
            assert tracemalloc.get_traced_memory()[1] < SMALL
        finally:
            tracemalloc.stop()
        return cohort

    return read_bombs
