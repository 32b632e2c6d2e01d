"""PNG, TIFF, JPEG and PGM images: gray values converted to 12 bits, masks, and shapes without decoding."""

from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any
from warnings import catch_warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo.intake.dicom_decode import MAX_PX
from mammo.intake.gray_values import ANY_DEPTH, PixelOptions, found_depth, to_full_scale
from mammo.intake.outcomes import Flag
from mammo.intake.presentation import Presentation
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file
from mammo.intake.tiff import ORIENTATION, is_tiff, tiff_shape, tiff_values
from mammo.records import FULL_SCALE

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".pgm")
"""Ends of the names of raster files, in lower case; any other file must be DICOM."""

BYTE = 8
"""Bits per pixel of published copies and consumer formats."""

EXIF = (b"eXIf", b"Exif\0\0", b"Raw profile type")
"""What PNG and JPEG files with Exif data contain."""

EIGHT_BIT = "eight_bit"
"""Note of an image with 8 bits per pixel, scaled to 0 to 4095."""


def is_raster(path: str) -> bool:
    """Return whether a file is a PNG, TIFF, JPEG or PGM by its name; any other must be DICOM."""
    return path.lower().endswith(SUFFIXES)


def read_raster(path: Path, options: PixelOptions = ANY_DEPTH) -> Presentation:
    """Return the presentation of a file: values [H, W] uint16, 0 to 4095, stored frame.

    Values are taken as 12-bit or 16-bit by their maximum. If they clearly fill another range, they are brought to full
    scale from that one, and the image is flagged. A file with 8 bits per pixel, if accepted, has a note.

    Args:
        path: the file.
        options: the bits that the user states, and whether 8 bits per pixel are accepted.

    Raises:
        RejectedError: the file cannot be opened or decoded, is too large, or is not grayscale with 16 bits per pixel.
    """
    values, white_is_zero = _decoded(path)
    eight_bit_accepted = options.eight_bit or options.bits == BYTE
    values = _gray(values) if eight_bit_accepted or values.ndim == 2 else values
    if values.ndim != 2:
        raise RejectedError(Code.NOT_GRAY)
    if values.dtype == np.uint8:
        if not eight_bit_accepted:
            raise RejectedError(Code.EIGHT_BIT)
        bits, contradicted = BYTE, False
    else:
        values = _unsigned(values)
        bits, contradicted = found_depth(values, options.bits)
    if eight_bit_accepted and bits == BYTE:
        contradicted = False
    shown = to_full_scale(values, bits)
    flags = ((Flag.RANGE if options.bits is None else Flag.PRECISION),) if contradicted else ()
    notes = (EIGHT_BIT,) if bits == BYTE else (f"bits_{bits}",) if flags else ()
    return Presentation(FULL_SCALE - shown if white_is_zero else shown, "", flags, notes)


def _gray(values: NDArray[Any]) -> NDArray[Any]:
    """Return the only channel of values [H, W, ...], or the first of three equal ones beside a plain alpha channel.

    Raises:
        RejectedError: the image has colors, or transparent parts.
    """
    if values.ndim == 2:
        return values
    n_gray = 1 if values.shape[2] < 3 else 3
    gray, alpha = values[..., :n_gray], values[..., n_gray:]
    if (gray != gray[..., :1]).any() or (alpha.size and np.ptp(alpha)):
        raise RejectedError(Code.NOT_GRAY)
    return np.ascontiguousarray(gray[..., 0])


def _unsigned(values: NDArray[Any]) -> NDArray[Any]:
    """Return gray values [H, W] as unsigned whole numbers; fractions from 0 to 1 become 16-bit values.

    Raises:
        RejectedError: a value is negative, not finite, or larger than 32 bits.
    """
    if values.dtype.kind == "u":
        return values
    least, top = float(values.min()), float(values.max())
    if values.dtype.kind not in "if" or not (least >= 0 and top < 1 << 32):  # also false for NaN
        raise RejectedError(Code.BAD_VALUES)
    if values.dtype.kind == "f" and top <= 1:
        values, top = values.astype(np.float64) * ((1 << 16) - 1), (1 << 16) - 1
    return np.asarray(np.rint(values), dtype=np.uint16 if top < 1 << 16 else np.uint32)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Return the pixels above 0 of a published mask of any bit depth: [H, W] bool, stored frame.

    Raises:
        RejectedError: the file cannot be opened or decoded.
    """
    values = raster_values(path)
    return np.asarray(values > 0 if values.ndim == 2 else (values[..., :3] > 0).any(axis=-1))


def raster_shape(path: Path) -> tuple[int, int]:
    """Return (rows, cols) from the file's header.

    Raises:
        RejectedError: the image cannot be opened, or is larger than any mammogram.
    """
    return _shape(read_file(path))


def raster_values(path: Path) -> NDArray[Any]:
    """Return decoded values, [H, W] or [H, W, channels] (blue, green, red), range and type as in the file.

    Where 0 is white in a TIFF, whole numbers are turned around within their type, so that bright is large.

    Raises:
        RejectedError: the file cannot be opened or decoded, or is larger than any mammogram.
    """
    values, white_is_zero = _decoded(path)
    turned = white_is_zero and values.dtype.kind == "u"
    return np.asarray(np.iinfo(values.dtype).max - values) if turned else values


def _shape(content: bytes) -> tuple[int, int]:
    if is_tiff(content):
        return tiff_shape(content)
    try:
        with catch_warnings(action="ignore"), Image.open(BytesIO(content)) as image:  # warns about large images
            shape = image.height, image.width
    except Image.DecompressionBombError:
        raise RejectedError(Code.TOO_LARGE) from None
    except Exception:  # a damaged header may fail anywhere inside Pillow
        raise RejectedError(Code.BROKEN_PIXELS) from None
    if prod(shape) > MAX_PX:
        raise RejectedError(Code.TOO_LARGE)
    if any(word in content for word in EXIF) and _is_turned(content):
        raise RejectedError(Code.ORIENTATION)
    return shape


def _is_turned(content: bytes) -> bool:
    """Return whether the Exif data of a PNG or JPEG let a viewer turn or mirror it; it can be decoded for that."""
    try:
        with catch_warnings(action="ignore"), Image.open(BytesIO(content)) as image:
            return image.getexif().get(ORIENTATION, 1) not in (0, 1)
    except Exception:  # damaged Exif data, which no viewer obeys
        return False


def _decoded(path: Path) -> tuple[NDArray[Any], bool]:
    """Return decoded values as in raster_values, and whether 0 is white."""
    content = read_file(path)
    if is_tiff(content):
        return tiff_values(content)
    _shape(content)
    try:
        values = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    if values is None:
        raise RejectedError(Code.BROKEN_PIXELS)
    return np.asarray(values), False
