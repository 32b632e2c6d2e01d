"""Stored values and shapes of single files, DICOM or raster: the frame that masks and outlines lie in."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.intake.codecs import decode
from mammo.intake.dicom import open_dicom, quiet
from mammo.intake.gate import is_raster, regular
from mammo.intake.rasters import raster_shape
from mammo.intake.refusals import Code, RefusedError


def stored_header(root: Path, path: str, *tags: str) -> Dataset:
    """A few attributes of a DICOM file, by keyword, Rows (0028,0010) and Columns (0028,0011) always among them.

    Raises:
        RefusedError: it is missing or no DICOM file with a readable header.
    """
    if not (root / path).exists():
        raise RefusedError(Code.MISSING)
    with quiet():
        try:
            wanted = ["Rows", "Columns", *tags]
            return pydicom.dcmread(regular(root, path), stop_before_pixels=True, specific_tags=wanted)
        except OSError:
            raise RefusedError(Code.UNREADABLE) from None
        except RefusedError:
            raise
        except Exception:  # a damaged header may fail anywhere inside pydicom
            raise RefusedError(Code.NOT_DICOM) from None


def stored_shape(root: Path, path: str) -> tuple[int, int]:
    """(rows, cols) of an image, as its header states them.

    Raises:
        RefusedError: the file is missing or its header says nothing of the kind.
    """
    if is_raster(path):
        if not (root / path).exists():
            raise RefusedError(Code.MISSING)
        return raster_shape(regular(root, path))
    header = stored_header(root, path)
    shape = (int(header.get("Rows") or 0), int(header.get("Columns") or 0))
    if min(shape) < 1:
        raise RefusedError(Code.NO_PIXELS)
    return shape


def stored_values(root: Path, path: str) -> NDArray[Any]:
    """The stored values [rows, cols] of a file, of colour only the first channel.

    Raises:
        RefusedError: the file is missing or cannot be decoded.
        MammoError: a decoder is not installed.
    """
    if not (root / path).exists():
        raise RefusedError(Code.MISSING)
    file = regular(root, path)
    if not is_raster(path):
        with quiet():
            return decode(open_dicom(file))
    values = cv2.imdecode(np.fromfile(file, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise RefusedError(Code.BROKEN_PIXELS)
    return np.asarray(values if values.ndim == 2 else values[..., 0])
