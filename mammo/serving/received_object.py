"""Objects that a node receives: mammograms and outline segmentations, checked before they are kept."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydicom.dataset import Dataset

from mammo.intake.dicom_decode import NATIVE, decode, shape_of, syntax_of
from mammo.intake.dicom_header import open_dicom, parse_dicom, quiet
from mammo.intake.dicom_seg import REFERENCES, SEGMENTATION, source_images
from mammo.intake.laterality_view import text
from mammo.intake.object_type import check_kind
from mammo.intake.rejections import Code, RejectedError
from mammo.records import MammoError


class Kind(StrEnum):
    """The two kinds of objects that are kept, and the folders that hold them."""

    IMAGE = "images"
    OUTLINES = "outlines"


@dataclass(frozen=True)
class Received:
    """An object that was accepted.

    Attributes:
        kind: mammogram or segmentation.
        uid: SOP Instance UID (0008,0018).
    """

    kind: Kind
    uid: str


def check_received(content: bytes, uid: str) -> Received:
    """Check the content of a DICOM file that was received, without decoding its pixels.

    Args:
        content: the whole file.
        uid: SOP Instance UID that the sender announced.

    Raises:
        MammoError: it is damaged, another kind of object than a mammogram or a segmentation, it has another identifier
            than announced, or a segmentation names no image. The message repeats no value of the object.
    """
    with quiet():
        try:
            dataset = parse_dicom(content)
            if text(dataset, "SOPInstanceUID") != uid:
                raise MammoError("its SOP Instance UID is not the one that was announced: send it again")
            if text(dataset, "SOPClassUID") != SEGMENTATION:
                check_kind(dataset)
                _check_pixels(dataset)
                return Received(Kind.IMAGE, uid)
            named = source_images(dataset)
        except RejectedError as error:
            raise MammoError(f"{error.code.reason}: {error.code.remedy}") from None
        except (MammoError, MemoryError):
            raise
        except Exception:  # a damaged object may fail anywhere inside pydicom
            raise MammoError("it is damaged: export it from its source again") from None
    if not named:
        raise MammoError("the segmentation names no image: export it with a reference to its mammogram")
    return Received(Kind.OUTLINES, uid)


def _check_pixels(dataset: Dataset) -> None:
    """Check size and presence of the pixels; those that are not compressed must be complete."""
    shape_of(dataset)
    if syntax_of(dataset) in NATIVE:
        decode(dataset)  # a view, without a decoder
    elif not dataset.get("PixelData"):
        raise RejectedError(Code.NO_PIXELS)


def study_of(path: Path) -> tuple[str, str]:
    """Patient ID and Study Instance UID of an image file; empty where it states none.

    Raises:
        RejectedError: the file cannot be read.
    """
    with quiet():
        dataset = open_dicom(path, ("PatientID", "StudyInstanceUID"))
        return text(dataset, "PatientID"), text(dataset, "StudyInstanceUID")


def referenced_images(path: Path) -> frozenset[str]:
    """The SOP Instance UIDs of the images that a segmentation file names.

    Raises:
        RejectedError: the file cannot be read.
    """
    with quiet():
        return source_images(open_dicom(path, REFERENCES))
