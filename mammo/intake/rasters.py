"""PNG, TIFF and JPEG images: gray values converted to 12 bits, masks, and shapes without decoding."""

from math import prod
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo.intake.dicom_decode import MAX_PX
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file
from mammo.records import FULL_SCALE

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg")


def is_raster(path: str) -> bool:
    """Return whether a file is a PNG, TIFF or JPEG by its name; any other must be DICOM."""
    return path.lower().endswith(SUFFIXES)


def read_raster(path: Path, eight_bit: bool = False) -> NDArray[np.uint16]:
    """Return the presentation values of a file: [H, W] uint16, 0 to 4095, stored frame.

    An image without values above 4095 is taken as 12-bit; any other is taken as 16-bit and divided by 16.

    Args:
        path: the file.
        eight_bit: whether 8 bits per pixel are accepted, as in published copies of a data set; 255 becomes 4095.

    Raises:
        RejectedError: the file cannot be opened or decoded, is too large, or is not grayscale with 16 bits per pixel.
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
    """Return a mask file of any bit depth: [H, W] bool, stored frame.

    Args:
        path: the file.
        threshold: the smallest value inside; 128 for JPEG, whose compression leaves faint traces around the outline.

    Raises:
        RejectedError: the file cannot be opened or decoded.
    """
    values = raster_values(path)
    return np.asarray(values >= threshold if values.ndim == 2 else (values[..., :3] >= threshold).any(axis=-1))


def raster_shape(path: Path) -> tuple[int, int]:
    """Return (rows, cols) from the file's header.

    Raises:
        RejectedError: the image cannot be opened, or is larger than any mammogram.
    """
    try:
        with catch_warnings(action="ignore"), Image.open(path) as image:  # Pillow warns about large images
            shape = image.height, image.width
    except Image.DecompressionBombError:
        raise RejectedError(Code.TOO_LARGE) from None
    except Exception:  # a damaged header may fail anywhere inside Pillow
        raise RejectedError(Code.BROKEN_PIXELS) from None
    if prod(shape) > MAX_PX:
        raise RejectedError(Code.TOO_LARGE)
    return shape


def raster_values(path: Path) -> NDArray[Any]:
    """Return decoded values, [H, W] or [H, W, channels] (blue, green, red), range and type as in the file.

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
