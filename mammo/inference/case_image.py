"""One image of a case, from a file, an array or a DICOM data set, decoded and placed as an ingest does."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset

from mammo.geometry import Frame
from mammo.intake.dicom_header import Known, read_header
from mammo.intake.gate import Admitted, admit
from mammo.intake.gray_values import ANY_DEPTH, PixelOptions
from mammo.intake.object_type import MAX_SPACING_MM, is_same_spacing
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code, RejectedError
from mammo.intake.source_folder import read_file, regular_file
from mammo.records import FULL_SCALE, ImageRecord, Laterality, MammoError, View, did_you_mean, is_number

Image = str | Path | NDArray[np.generic] | Dataset
"""A DICOM, PNG or TIFF file, an array uint16 [H, W] of 0 to 4095, or a data set of pydicom."""

Word = TypeVar("Word", Laterality, View)

UNSTATED = "\0"
"""Stands for a patient or exam that a header does not state; no attribute has this value."""

BITS = 12
"""Bits of the gray values of an array."""

REMEDIES = {
    Code.NO_LATERALITY: "pass laterality='L' or 'R' (mammo predict: --laterality, or a column laterality)",
    Code.NO_VIEW: "pass view='CC' or 'MLO' (mammo predict: --view, or a column view)",
    Code.EIGHT_BIT: "export it from the source with all its gray values",
    Code.NO_SPACING: "pass pixel_spacing=, mm between its pixels, or give mammo.load a number as scale=",
    Code.SIDE_CONFLICT: "view the image, then correct its laterality or mirror it; outlines are mirrored with it",
}
"""What to do where the remedy of an ingest does not apply."""


@dataclass(frozen=True, eq=False)
class CaseImage:
    """One accepted image.

    Attributes:
        admitted: pixels, frames and flags.
        laterality: which breast.
        view: CC or MLO.
        sha256: of the file's bytes, as hex.
        patient: Patient ID (0010,0020); empty where the file states none.
        exam: Study Instance UID (0020,000D), likewise.
    """

    admitted: Admitted
    laterality: Laterality
    view: View
    sha256: str
    patient: str = ""
    exam: str = ""


@dataclass(frozen=True)
class Placing:
    """How an image is brought into the frame of a network.

    Attributes:
        frame: the network window.
        scale: store pixels per pixel of the image, unless the options ask for a spacing.
        options: how gray values are read where no header states it, and the spacing to bring images to.
    """

    frame: Frame
    scale: float
    options: PixelOptions = ANY_DEPTH


@contextmanager
def as_file(image: Image) -> Iterator[Path]:
    """Yield the file of an image; of an array [H, W] or a data set, a temporary one.

    Raises:
        MammoError: the image is of none of these types, an array is not gray values of 0 to 4095, or the data set
            cannot be written as a DICOM file.
    """
    if isinstance(image, str | Path):
        yield Path(image)
        return
    with TemporaryDirectory(prefix="mammo-") as folder:
        if isinstance(image, Dataset):
            path = Path(folder) / "image.dcm"
            try:
                dcmwrite(path, image, enforce_file_format=True)
            except Exception as error:  # whatever an unusual data set makes pydicom raise
                reason = f"{type(error).__name__}: {error}"
                raise MammoError(f"image: the data set is not a whole DICOM image ({reason}): pass its path") from None
        else:
            path = Path(folder) / "image.png"
            cv2.imwrite(str(path), _checked(image), [cv2.IMWRITE_PNG_COMPRESSION, 0])
        yield path


def _checked(image: object) -> NDArray[np.uint16]:
    if not isinstance(image, np.ndarray):
        wanted = "the path of a DICOM, PNG or TIFF file, a numpy array or a pydicom Dataset"
        raise MammoError(f"image: got {type(image).__name__}: give {wanted}")
    if image.ndim != 2 or image.dtype != np.uint16 or image.size == 0 or image.max() > FULL_SCALE:
        raise MammoError(
            f"image: got an array of {image.dtype} with shape {image.shape}: give gray values uint16 [H, W], 0 to "
            f"{FULL_SCALE}, as a viewer shows them (dark background)"
        )
    return image


def read_image(
    file: Path,
    laterality: str | None,
    view: str | None,
    placing: Placing,
    given: Image,
    pixel_spacing: float | None = None,
    whole: bool = False,
) -> CaseImage:
    """Decode, check and place the image of a file.

    Args:
        file: DICOM, PNG or TIFF.
        laterality: L or R; None to take it from the header.
        view: CC or MLO; None to take it from the header.
        placing: the frame and scale.
        given: the caller's image: the path of the file, or what was written to it, an array [H, W] of BITS bits or a
            data set.
        pixel_spacing: mm between pixels, for a file that states none; None if unknown.
        whole: whether the values of the whole image are asked for, too (Admitted.whole).

    Raises:
        MammoError: the image would be rejected by an ingest, a value that is given is wrong, or the header states
            another laterality, view or spacing (by over 1 %).
    """
    said = _word(Laterality, "laterality", laterality), _word(View, "view", view)
    if pixel_spacing is not None and not (is_number(pixel_spacing) and 0 < pixel_spacing <= MAX_SPACING_MM):
        raise MammoError(f"pixel_spacing={pixel_spacing!r}: give mm, above 0 and at most {MAX_SPACING_MM:g}")
    name = str(file) if isinstance(given, str | Path) else "image"
    if file.is_dir():
        raise MammoError(f"{file} is a folder: give the path of one DICOM, PNG or TIFF file; mammo score takes a store")
    if not file.exists():
        raise MammoError(f"{file}: no such file: give the path of a DICOM, PNG or TIFF file")
    try:
        content = read_file(regular_file(file.parent, file.name))
        record = _record(file, name, *said, pixel_spacing)
        options = replace(placing.options, bits=BITS) if isinstance(given, np.ndarray) else placing.options
        admitted = admit(file.parent, record, placing.frame, placing.scale, content, options, whole)
    except RejectedError as error:
        remedy = REMEDIES.get(error.code, error.code.remedy)
        raise MammoError(f"{name}: {error.code.reason}: {remedy}") from None
    assert record.laterality is not None  # admit rejects an image without
    assert record.view is not None
    keys = record.patient_key, record.exam_key
    return CaseImage(admitted, record.laterality, record.view, hashlib.sha256(content).hexdigest(), *keys)


def _record(
    file: Path, name: str, laterality: Laterality | None, view: View | None, pixel_spacing: float | None
) -> ImageRecord:
    """The record of a file; MammoError where its header contradicts what the caller says."""
    spacing = pixel_spacing or 0.0
    if is_raster(file.name):
        if laterality is None or view is None:
            raise RejectedError(Code.NO_LATERALITY if laterality is None else Code.NO_VIEW)
        return ImageRecord(file.name, "", "", laterality, view, spacing_mm=spacing)
    header = read_header(file, Known(UNSTATED, UNSTATED, laterality, view))
    spacing_differs = spacing and header.spacing_mm and not is_same_spacing(spacing, header.spacing_mm)
    for what, given, stated, differs in (
        ("laterality", laterality, header.laterality, laterality not in (None, header.laterality)),
        ("view", view, header.view, view not in (None, header.view)),
        ("pixel_spacing", f"{spacing:g}", f"{header.spacing_mm:g}", spacing_differs),
    ):
        if differs:
            wrong = f"{name}: {what}={given}, but the header of the image states {stated}"
            raise MammoError(f"{wrong}: leave {what} out, or view the image and correct its header")
    patient, exam = ("" if key == UNSTATED else key for key in (header.patient, header.exam))
    return ImageRecord(file.name, patient, exam, header.laterality, header.view, flags=header.flags, spacing_mm=spacing)


def _word(kind: type[Word], name: str, value: str | None) -> Word | None:
    if value is None:
        return None
    words = [member.value for member in kind]
    if value not in words:
        known = " or ".join(words)
        raise MammoError(f"{name}={value!r}{did_you_mean(str(value), words)}: give {known}")
    return kind(value)
