"""PNG, TIFF, JPEG and PGM images: gray values converted to 12 bits, masks, and shapes without decoding.

TIFF and BigTIFF files are read with any sample type and compression.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from logging import getLogger
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
from mammo.records import FULL_SCALE

SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".pgm")
"""Ends of the names of raster files, in lower case; any other file must be DICOM."""

BYTE = 8
"""Bits per pixel of published copies and consumer formats."""

EIGHT_BIT = "eight_bit"
"""Note of an image with 8 bits per pixel, scaled to 0 to 4095."""

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFF and BigTIFF files, little and big endian."""

MIN_IS_WHITE, PALETTE = 0, 3
"""Photometric interpretations (TIFF 6.0, tag 262)."""


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
    if _is_tiff(content):
        return _tiff_shape(content)
    try:
        with catch_warnings(action="ignore"), Image.open(BytesIO(content)) as image:  # warns about large images
            shape = image.height, image.width
    except Image.DecompressionBombError:
        raise RejectedError(Code.TOO_LARGE) from None
    except Exception:  # a damaged header may fail anywhere inside Pillow
        raise RejectedError(Code.BROKEN_PIXELS) from None
    if prod(shape) > MAX_PX:
        raise RejectedError(Code.TOO_LARGE)
    return shape


def _decoded(path: Path) -> tuple[NDArray[Any], bool]:
    """Return decoded values as in raster_values, and whether 0 is white."""
    content = read_file(path)
    if _is_tiff(content):
        return _tiff_values(content)
    _shape(content)
    try:
        values = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        values = None
    if values is None:
        raise RejectedError(Code.BROKEN_PIXELS)
    return np.asarray(values), False


def _is_tiff(content: bytes) -> bool:
    """Return whether a file's bytes begin like a TIFF or BigTIFF."""
    return content[:4] in MAGIC


def _tiff_shape(content: bytes) -> tuple[int, int]:
    """Return (rows, cols) of the first page of a TIFF.

    Raises:
        RejectedError: the header is damaged, or the image is larger than any mammogram.
    """
    with _tiff_page(content) as page:
        return int(page.imagelength), int(page.imagewidth)


def _tiff_values(content: bytes) -> tuple[NDArray[Any], bool]:
    """Return the decoded values of a TIFF, [H, W] or [H, W, channels] (blue, green, red), and whether 0 is white.

    Values have the type and range of the file; those of 1 bit become 0 and 255, those of a palette its colors.

    Raises:
        RejectedError: the file is damaged or truncated, has several pages, or is coded in an unsupported way.
    """
    with _tiff_page(content) as page:
        segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        if not segments or any(size < 1 or start + size > len(content) for start, size in segments):
            raise RejectedError(Code.CUT_OFF)
        try:
            values = np.asarray(page.asarray(maxworkers=1))
        except (ValueError, KeyError, NotImplementedError, ImportError):
            raise RejectedError(Code.TIFF_CODING) from None
        photometric, colors = int(page.photometric), page.colormap
        if values.shape[:2] != (page.imagelength, page.imagewidth):
            raise RejectedError(Code.TIFF_CODING)
    if photometric == PALETTE and values.ndim == 2:
        values = np.moveaxis(np.asarray(colors)[:, values] >> 8, 0, -1).astype(np.uint8)
    if values.dtype == np.bool_:
        values = values.view(np.uint8) * np.uint8(255)
    if values.ndim == 3 and values.shape[2] > 2:
        values = np.concatenate([values[..., 2::-1], values[..., 3:]], axis=-1)
    return values, photometric == MIN_IS_WHITE


@contextmanager
def _tiff_page(content: bytes) -> Iterator[Any]:
    """Open the only page of a TIFF; errors inside tifffile are rejections."""
    import tifffile  # most sources hold none

    logger = getLogger("tifffile")
    was, logger.disabled = logger.disabled, True  # its log lines quote tags
    try:
        with tifffile.TiffFile(BytesIO(content)) as file:
            page: Any = file.pages[0]
            if prod(page.shape[:2]) > MAX_PX or page.imagelength * page.imagewidth > MAX_PX:
                raise RejectedError(Code.TOO_LARGE)
            if min(page.imagelength, page.imagewidth) < 1:
                raise RejectedError(Code.BROKEN_PIXELS)
            if (len(file.pages) > 1 and file.pages[1].shape == page.shape) or int(page.imagedepth) > 1:
                raise RejectedError(Code.MULTI_FRAME)
            yield page
    except (RejectedError, MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # a damaged file may fail anywhere inside tifffile
        raise RejectedError(Code.BROKEN_PIXELS) from None
    finally:
        logger.disabled = was
