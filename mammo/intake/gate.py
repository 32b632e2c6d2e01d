"""The gate: every file of a source has exactly one outcome, a placed image with or without flags, or a refusal."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Frame, FrameChain
from mammo.intake.codecs import LARGEST_PX
from mammo.intake.dicom import parse_dicom, quiet
from mammo.intake.flags import Flag
from mammo.intake.frames import place
from mammo.intake.pixels import Presentation, presentation
from mammo.intake.position import text
from mammo.intake.rasters import SUFFIXES, raster_shape, read_raster
from mammo.intake.refusals import Code, RefusedError
from mammo.intake.vendors import vendor_of
from mammo.records import ImageRecord, MammoError

DOCUMENTS = (".csv", ".json", ".md", ".parquet", ".txt", ".xlsx", ".xml", ".yaml", ".yml")
"""Files beside the images that nobody takes for images."""

LARGEST_BYTES = 1 << 28
"""A file larger than this is no mammogram: 64 million pixels of 16 bits are half of it."""


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
    try:
        resolved = (root / path).resolve()
        if resolved.is_relative_to(root.resolve()) and resolved.is_file():
            return resolved
    except (OSError, RuntimeError):  # a loop of links
        pass
    raise RefusedError(Code.NOT_REGULAR)


def is_raster(path: str) -> bool:
    """Whether a file is a PNG, TIFF or JPEG by its name; every other one must be DICOM."""
    return path.lower().endswith(SUFFIXES)


@dataclass(frozen=True, eq=False)
class Admitted:
    """One accepted image.

    Attributes:
        chain: the image's way from stored pixels to the grid.
        pixels: uint16 [chain.store_shape], presentation values 0 to 4095 of the store frame.
        tissue: share of each grid cell covered by breast tissue, [grid rows, grid cols] in [0, 1].
        flags: what is doubtful about it, in the order of Flag.
        voi: the rule by which stored values became presentation values; empty for a PNG or TIFF.
        uid: SOP Instance UID (0008,0018), empty for a PNG or TIFF.
        vendor: who made the detector (intake.vendors), empty for a PNG or TIFF.
    """

    chain: FrameChain
    pixels: NDArray[np.uint16]
    tissue: NDArray[np.float64]
    flags: tuple[Flag, ...]
    voi: str
    uid: str
    vendor: str


def admit(root: Path, record: ImageRecord, frame: Frame, scale: float, content: bytes | None = None) -> Admitted:
    """Read and place the pixels of an image whose header was accepted.

    Args:
        root: the source folder.
        record: the image, as its adapter found it.
        frame: the network window.
        scale: store pixels per mirrored pixel.
        content: the file's bytes, where they were read already.

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
        if prod(raster_shape(file)) > LARGEST_PX:
            raise RefusedError(Code.TOO_LARGE)
        shown, uid, vendor = Presentation(read_raster(file, eight_bit=record.by_table), "", ()), "", ""
    else:
        shown, uid, vendor = _of_dicom(read_file(file) if content is None else content)
    check_side = not record.by_table and not is_raster(record.path)
    placed = place(shown.values, record.laterality, record.view, frame, scale, check_side)
    found = {*record.flags, *shown.flags, *([Flag.BLANK] if placed.blank else [])}
    flags = tuple(flag for flag in Flag if flag in found)
    return Admitted(placed.chain, placed.pixels, placed.tissue, flags, shown.voi, uid, vendor)


def read_file(file: Path) -> bytes:
    """All bytes of a file.

    Raises:
        RefusedError: it cannot be opened, or is larger than any mammogram.
    """
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise RefusedError(Code.TOO_LARGE)
        return file.read_bytes()
    except OSError:
        raise RefusedError(Code.UNREADABLE) from None


def _of_dicom(content: bytes) -> tuple[Presentation, str, str]:
    """What a DICOM file's bytes show, their SOP Instance UID and their vendor."""
    with quiet():
        dataset = parse_dicom(content)
        try:
            if text(dataset, "PresentationIntentType") == "FOR PROCESSING":  # adapters with tables ask no header
                raise RefusedError(Code.FOR_PROCESSING)
            shown = presentation(dataset)
            return shown, text(dataset, "SOPInstanceUID"), vendor_of(text(dataset, "Manufacturer"))
        except (RefusedError, MammoError, MemoryError):
            raise
        except Exception:  # a value that its own type does not allow fails wherever pydicom first looks at it
            raise RefusedError(Code.NOT_DICOM) from None
