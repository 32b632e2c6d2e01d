"""What the imitations of the public data sets are made of: a breast of 64 x 48 px, and a writer of its files."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Write = Callable[..., None]


@pytest.fixture
def breast() -> NDArray[np.uint16]:
    """A left breast, 64 x 48 px: a half disc that touches column 0."""
    rows, cols = np.mgrid[:64, :48]
    return np.where(((rows - 31.5) / 28) ** 2 + (cols / 40) ** 2 < 1, 1000 + 10 * rows + cols, 0).astype(np.uint16)


@pytest.fixture
def write(make_dicom: Callable[..., Dataset]) -> Write:
    """A function (path, pixels, **tags) that writes DICOM, or a raster where the name says so."""

    def write(path: Path, pixels: NDArray[np.generic], **tags: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".jpg", ".tif"):
            cv2.imwrite(str(path), pixels)
            return
        bits = 8 if pixels.dtype == np.uint8 else 16
        layout = {"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1}
        dataset = make_dicom(pixels, **(layout | tags))
        dataset.PixelData = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
        dataset.save_as(path, enforce_file_format=True)

    return write
