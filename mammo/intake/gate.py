"""The gate: every file of a source has exactly one outcome, a placed image or a refusal with its code."""

import os
from collections.abc import Iterator
from pathlib import Path

from mammo.geometry import Frame
from mammo.intake.dicom import open_dicom, quiet
from mammo.intake.frames import Placed, place
from mammo.intake.pixels import presentation
from mammo.intake.rasters import SUFFIXES, read_raster
from mammo.intake.refusals import Code, RefusedError
from mammo.records import ImageRecord

DOCUMENTS = (".csv", ".json", ".md", ".parquet", ".txt", ".xlsx", ".xml", ".yaml", ".yml")
"""Files beside the images that nobody takes for images."""


def files(root: Path, leave_out: str = "") -> Iterator[str]:
    """Paths of the files below root that may be images, relative with forward slashes, in sorted order.

    Args:
        root: the source folder.
        leave_out: the name of a folder directly below root that holds no images.
    """
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not (Path(folder) == root and name == leave_out))
        for name in sorted(names):
            if not name.startswith(".") and not name.lower().endswith(DOCUMENTS):
                yield (Path(folder) / name).relative_to(root).as_posix()


def regular(root: Path, path: str) -> Path:
    """The file of a path below root.

    Raises:
        RefusedError: it is no regular file (a pipe would hang whoever opens it), or it lies outside of root.
    """
    resolved = (root / path).resolve()
    if not resolved.is_relative_to(root.resolve()) or not resolved.is_file():
        raise RefusedError(Code.NOT_REGULAR)
    return resolved


def is_raster(path: str) -> bool:
    """Whether a file is a PNG, TIFF or JPEG by its name; every other one must be DICOM."""
    return path.lower().endswith(SUFFIXES)


def admit(root: Path, record: ImageRecord, frame: Frame, scale: float) -> Placed:
    """Read and place the pixels of an image whose header was accepted.

    Args:
        root: the source folder.
        record: the image, as its adapter found it.
        frame: the network window.
        scale: store pixels per mirrored pixel.

    Raises:
        RefusedError: the record says so already, or its pixels are unfit.
        MammoError: a decoder is not installed.
    """
    if record.code:
        raise RefusedError(Code(record.code))
    if record.laterality is None or record.view is None:
        raise RefusedError(Code.NOT_DESCRIBED)
    file = regular(root, record.path)
    if is_raster(record.path):
        pixels = read_raster(file, eight_bit=record.by_table)
        return place(pixels, record.laterality, record.view, frame, scale, check_side=False)
    with quiet():
        pixels = presentation(open_dicom(file))
    return place(pixels, record.laterality, record.view, frame, scale, check_side=not record.by_table)
