"""PNG, TIFF and JPEG images: grey values brought to 12 bits, masks, and shapes without decoding."""

from math import prod
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo.intake.dicom_decode import LARGEST_PX
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file
from mammo.records import FULL_SCALE

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def is_raster(path: str) -> bool:
    """Whether a file is a PNG, TIFF or JPEG by its name; every other one must be DICOM."""
    return path.lower().endswith(SUFFIXES)


def read_raster(path: Path, eight_bit: bool = False) -> NDArray[np.uint16]:
    """Presentation values [H, W], 0 to 4095.

    Values up to 4095 are taken as 12-bit; an image with larger ones is taken as 16-bit and divided by 16.

    Args:
        path: the file.
        eight_bit: whether 8 bits a pixel will do, as in published copies of a data set; 255 becomes 4095.

    Raises:
        RejectedError: the file cannot be opened or decoded, is too large, or is not grey with 16 bits a pixel.
    """
    values = raster_values(path)
    if values.ndim == 3 and eight_bit and (values[..., 1:3] == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim != 2:
        raise RejectedError(Code.NOT_GRAY)
    if values.dtype == np.uint8 and eight_bit:
        return np.round(values * (FULL_SCALE / 255)).astype(np.uint16)
    if values.dtype != np.uint16:
        raise RejectedError(Code.EIGHT_BIT)
    return (values if values.max() <= FULL_SCALE else values // 16).astype(np.uint16, copy=False)


def read_mask(path: Path, threshold: int = 1) -> NDArray[np.bool_]:
    """A mask [H, W] of any bit depth.

    Args:
        path: the file.
        threshold: the smallest value inside; 128 for JPEG, whose losses leave faint traces around the outline.

    Raises:
        RejectedError: the file cannot be opened or decoded.
    """
    values = raster_values(path)
    return np.asarray(values >= threshold if values.ndim == 2 else (values[..., :3] >= threshold).any(axis=-1))


def raster_shape(path: Path) -> tuple[int, int]:
    """(rows, cols) as the file's head states them.

    Raises:
        RejectedError: it is no image that can be opened, or larger than any mammogram.
    """
    try:
        with catch_warnings(action="ignore"), Image.open(path) as image:  # Pillow warns of large images
            shape = image.height, image.width
    except Image.DecompressionBombError:
        raise RejectedError(Code.TOO_LARGE) from None
    except Exception:  # a damaged head may fail anywhere inside Pillow
        raise RejectedError(Code.BROKEN_PIXELS) from None
    if prod(shape) > LARGEST_PX:
        raise RejectedError(Code.TOO_LARGE)
    return shape


def raster_values(path: Path) -> NDArray[Any]:
    """Decoded values [H, W] or [H, W, channels], as the file has them.

    Raises:
        RejectedError: the file cannot be opened or decoded, or is larger than any mammogram.
    """
    content = np.frombuffer(read_file(path), dtype=np.uint8)
    raster_shape(path)
    try:
        values = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    if values is None:
        raise RejectedError(Code.BROKEN_PIXELS)
    return np.asarray(values)
