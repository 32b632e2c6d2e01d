"""Stored shapes and values of single files, DICOM or raster: the frame of masks and outlines."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammo.intake.dicom_decode import decode, shape_of
from mammo.intake.dicom_header import open_dicom, quiet
from mammo.intake.rasters import is_raster, raster_shape, raster_values
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import regular_file
from mammo.progress import track

Shape = tuple[int, int]
"""(rows, cols), stored px."""


def stored_header(root: Path, path: str, *tags: str) -> Dataset:
    """Return the attributes of a DICOM file with these keywords, and Rows (0028,0010) and Columns (0028,0011).

    Raises:
        RejectedError: the file is missing, or not a DICOM file with a readable header.
    """
    with quiet():
        return open_dicom(_file(root, path), ("Rows", "Columns", *tags))


def stored_shape(root: Path, path: str) -> Shape:
    """Return (rows, cols) of an image from its header.

    Raises:
        RejectedError: the file is missing, or its header states no size or one larger than any mammogram's.
    """
    if is_raster(path):
        return raster_shape(_file(root, path))
    try:
        return shape_of(stored_header(root, path))
    except (TypeError, ValueError):
        raise RejectedError(Code.BAD_SHAPE) from None


def stored_shapes(root: Path, paths: Sequence[str], workers: Workers = DEFAULT_WORKERS) -> dict[str, Shape | Code]:
    """Return (rows, cols) of many images by path, read in child processes; a rejection code for unreadable ones."""
    shapes = track(isolated(partial(stored_shape, root), paths, workers, str), "headers", len(paths))
    return dict(zip(paths, shapes, strict=True))


def stored_values(root: Path, path: str) -> NDArray[Any]:
    """Return the stored values of a file, [rows, cols], type and range as in the file; of color only the first channel.

    Raises:
        RejectedError: the file is missing or cannot be decoded.
        MammoError: a decoder is not installed.
    """
    file = _file(root, path)
    if is_raster(path):
        values = raster_values(file)
        return values if values.ndim == 2 else values[..., 0]
    with quiet():
        return decode(open_dicom(file))


def _file(root: Path, path: str) -> Path:
    if not (root / path).exists():
        raise RejectedError(Code.MISSING)
    return regular_file(root, path)
