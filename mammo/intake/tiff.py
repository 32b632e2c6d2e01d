"""TIFF and BigTIFF files: values of any sample type and compression, and sizes from headers."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from logging import getLogger
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.intake.dicom_decode import MAX_PX
from mammo.intake.rejections import Code, RejectedError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFF and BigTIFF files, little and big endian."""

ORIENTATION = 274
"""Tag of how a viewer turns and mirrors the picture, 1 for not at all (TIFF 6.0; Exif uses it too)."""

MIN_IS_WHITE, PALETTE = 0, 3
"""Photometric interpretations (TIFF 6.0, tag 262)."""


def is_tiff(content: bytes) -> bool:
    """Return whether a file's bytes begin like a TIFF or BigTIFF."""
    return content[:4] in MAGIC


def tiff_shape(content: bytes) -> tuple[int, int]:
    """Return (rows, cols) of the first page.

    Raises:
        RejectedError: the header is damaged, or the image is larger than any mammogram.
    """
    with _page(content) as page:
        return int(page.imagelength), int(page.imagewidth)


def tiff_values(content: bytes) -> tuple[NDArray[Any], bool]:
    """Return the decoded values, [H, W] or [H, W, channels] (blue, green, red), and whether 0 is white.

    Values have the type and range of the file; those of 1 bit become 0 and 255, those of a palette its colors.

    Raises:
        RejectedError: the file is damaged or truncated, has several pages, or is coded in an unsupported way.
    """
    with _page(content) as page:
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
def _page(content: bytes) -> Iterator[Any]:
    """Open the only page; errors inside tifffile are rejections."""
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
            if page.tags.valueof(ORIENTATION, default=1) not in (0, 1):  # 0 is written for an unknown one
                raise RejectedError(Code.ORIENTATION)
            yield page
    except (RejectedError, MemoryError, KeyboardInterrupt):
        raise
    except Exception:  # a damaged file may fail anywhere inside tifffile
        raise RejectedError(Code.BROKEN_PIXELS) from None
    finally:
        logger.disabled = was
