"""PNG and TIFF images: 16-bit grey values, brought to 12 bits."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.intake.refusals import Code, RefusedError
from mammo.records import FULL_SCALE

SUFFIXES = (".png", ".tif", ".tiff")


def read_raster(path: Path) -> NDArray[np.uint16]:
    """Presentation values [H, W], 0 to 4095.

    Values up to 4095 are taken as 12-bit; an image with larger ones is taken as 16-bit and divided by 16.

    Raises:
        RefusedError: the file cannot be opened or decoded, or is not 16-bit grey.
    """
    values = _decoded(path)
    if values.ndim != 2:
        raise RefusedError(Code.NOT_GREY)
    if values.dtype != np.uint16:
        raise RefusedError(Code.EIGHT_BIT)
    return (values if values.max() <= FULL_SCALE else values // 16).astype(np.uint16, copy=False)


def read_mask(path: Path) -> NDArray[np.bool_]:
    """A mask [H, W] of any bit depth, True where it is not zero.

    Raises:
        RefusedError: the file cannot be opened or decoded.
    """
    values = _decoded(path)
    return np.asarray(values != 0 if values.ndim == 2 else (values[..., :3] != 0).any(axis=-1))


def _decoded(path: Path) -> NDArray[np.generic]:
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        values = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except OSError:
        raise RefusedError(Code.UNREADABLE) from None
    except cv2.error:
        values = None
    if values is None:
        raise RefusedError(Code.BROKEN_PIXELS)
    return np.asarray(values)
