"""DICOM headers: reading files without log output, and the checked header of an accepted mammogram (PS3.3 C.8.11)."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from logging import getLogger
from os import SEEK_CUR
from pathlib import Path
from struct import unpack_from
from typing import BinaryIO, TypeVar, cast
from warnings import catch_warnings, simplefilter

import pydicom
from pydicom.dataset import Dataset

from mammo.intake.dicom_decode import shape_of
from mammo.intake.laterality_view import read_laterality, read_view, text
from mammo.intake.object_type import check_kind, header_flags, spacing_mm
from mammo.intake.outcomes import Flag
from mammo.intake.rejections import Code, RejectedError
from mammo.records import Laterality, View

Stated = TypeVar("Stated")

TAGS = [
    *("SOPClassUID", "ImageType", "Modality", "PresentationIntentType", "PatientID", "StudyInstanceUID"),
    *("ImageLaterality", "Laterality", "ViewPosition", "ViewCodeSequence", "NumberOfFrames"),
    *("PhotometricInterpretation", "Rows", "Columns", "SamplesPerPixel", "AnatomicRegionSequence"),
    *("SharedFunctionalGroupsSequence", "PatientOrientation", "ContrastBolusAgent"),
    *("SpecimenDescriptionSequence", "EstimatedRadiographicMagnificationFactor", "PaddleDescription"),
    *("ViewModifierCodeSequence", "BreastImplantPresent", "PartialView", "BurnedInAnnotation"),
    *("LossyImageCompression", "ImagerPixelSpacing", "PixelSpacing", "PixelAspectRatio"),
]

HEAD = 1024
"""Bytes at the start of a file that identify its type."""

DEFLATED = b"1.2.840.10008.1.2.1.99"
MAX_INFLATED = 1 << 27
"""Largest size of a deflated data set after inflation, bytes: 64 million pixels of 16 bits."""

ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"BZh", b"\xfd7zXZ\x00")
"""First bytes of archives: zip, gzip, 7z, rar, bzip2 and xz."""

VIEWED = 1 << 20
"""Values of at least this many bytes are views into the file's bytes, not copies: only pixel data are that large."""

PIXEL_DATA_TAGS = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
"""Pixel Data (7FE0,0010), little and big endian."""

VENDORS = {
    "hologic": "hologic",
    "lorad": "hologic",
    "ge medical": "ge",
    "ge healthcare": "ge",
    "siemens": "siemens",
    "fuji": "fujifilm",
    "philips": "philips",
    "sectra": "philips",
    "agfa": "agfa",
    "carestream": "carestream",
    "kodak": "carestream",
    "planmed": "planmed",
    "ims": "ims",
    "internazionale medico": "ims",
    "metaltronica": "metaltronica",
    "konica": "konica",
    "mammo phantom a": "phantom_a",
    "mammo phantom b": "phantom_b",
}
"""Vendor by a part of Manufacturer (0008,0070) in lower case; nothing else of that attribute is kept."""


@dataclass(frozen=True)
class Header:
    """The attributes of a header that the gate keeps.

    Attributes:
        patient: Patient ID (0010,0020).
        exam: Study Instance UID (0020,000D).
        laterality: which breast.
        view: CC or MLO.
        shape: (Rows (0028,0010), Columns (0028,0011)).
        flags: flags raised by the header.
        spacing_mm: mm between pixels (object_type.spacing_mm); 0 if unknown.
    """

    patient: str
    exam: str
    laterality: Laterality
    view: View
    shape: tuple[int, int]
    flags: tuple[Flag, ...] = ()
    spacing_mm: float = 0.0


@dataclass(frozen=True)
class Known:
    """What the data set's tables say about an image, for attributes that its header lacks; empty or None if nothing."""

    patient: str = ""
    exam: str = ""
    laterality: Laterality | None = None
    view: View | None = None


NOTHING_KNOWN = Known()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom within the block, because its warnings and log lines quote header values."""
    logger = getLogger("pydicom")
    was, logger.disabled = logger.disabled, True
    try:
        with catch_warnings():
            simplefilter("ignore")
            yield
    finally:
        logger.disabled = was


def open_dicom(path: Path, tags: Sequence[str] = ()) -> Dataset:
    """Read a file, or only the attributes that these keywords name, without pixels.

    Raises:
        RejectedError: the file cannot be opened or is not a DICOM file.
    """
    try:
        with path.open("rb") as stream:
            dataset = _parsed(stream, tags)
    except OSError:
        raise RejectedError(Code.UNREADABLE) from None
    if not len(dataset):
        raise RejectedError(Code.NOT_DICOM)
    return dataset


def parse_dicom(content: bytes) -> Dataset:
    """Return the data set of a whole file's bytes; its pixel data are a view into them.

    Raises:
        RejectedError: it is not a DICOM file, or it ends within its pixel data.
    """
    dataset = _parsed(_Views(content))
    if "PixelData" not in dataset and any(tag in content for tag in PIXEL_DATA_TAGS):
        raise RejectedError(Code.CUT_OFF)  # pydicom drops pixel data that end too early
    return dataset


class _Views(BytesIO):
    """A file's bytes as a stream whose large reads return views; pydicom keeps values as they were read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._content = memoryview(content)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < VIEWED:
            return super().read(size)
        view = self._content[self.tell() :][:size]
        self.seek(len(view), SEEK_CUR)
        return cast(bytes, view)


def _parsed(stream: BinaryIO, tags: Sequence[str] = ()) -> Dataset:
    head = stream.read(HEAD)
    if not head:
        raise RejectedError(Code.EMPTY_FILE)
    if head.startswith(ARCHIVES):
        raise RejectedError(Code.ARCHIVE)
    if DEFLATED in head:
        _check_inflated(stream, head)
    stream.seek(0)
    try:
        if tags:
            return pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=list(tags))
        return pydicom.dcmread(stream)
    except MemoryError:
        raise
    except Exception:  # a damaged header may fail anywhere inside pydicom
        raise RejectedError(Code.NOT_DICOM) from None


def _check_inflated(stream: BinaryIO, head: bytes) -> None:
    """Reject a deflated data set that inflates beyond any mammogram's size: pydicom would inflate all of it.

    Raises:
        RejectedError: it exceeds MAX_INFLATED.
    """
    if len(head) < 144:
        return
    (meta_length,) = unpack_from("<I", head, 140)  # length of the File Meta Information, which is never deflated
    stream.seek(144 + meta_length)
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while chunk := stream.read(1 << 16):
        try:
            size += len(inflate.decompress(chunk, MAX_INFLATED))
        except zlib.error:
            return  # pydicom reports it
        if size > MAX_INFLATED or inflate.unconsumed_tail:
            raise RejectedError(Code.TOO_LARGE)


def read_header(path: Path, known: Known = NOTHING_KNOWN) -> Header:
    """Return the header of one file, completed by what is known where the header says nothing.

    Raises:
        RejectedError: it is not an acceptable mammogram's.
    """
    with quiet():
        dataset = open_dicom(path, TAGS)
        try:
            return check_header(dataset, known)
        except RejectedError:
            raise
        except Exception:  # a value that its type does not allow fails wherever pydicom first reads it
            raise RejectedError(Code.NOT_DICOM) from None


def read_identity(path: Path) -> tuple[str, str, Laterality | None, View | None]:
    """Return Patient ID, Study Instance UID, laterality and view of a file that read_header rejects.

    Laterality and view are None if they are not stated.

    Raises:
        RejectedError: the header cannot be read.
    """
    side, view = None, None
    with quiet():
        dataset = open_dicom(path, TAGS)
        try:
            with suppress(RejectedError):
                side = read_laterality(dataset)[0]
            with suppress(RejectedError):
                view = read_view(dataset)
            return text(dataset, "PatientID"), text(dataset, "StudyInstanceUID"), side, view
        except Exception:  # as in read_header
            raise RejectedError(Code.NOT_DICOM) from None


def check_header(dataset: Dataset, known: Known = NOTHING_KNOWN) -> Header:
    """Return the header of a data set, checked to be a screening mammogram's and completed by what is known.

    Raises:
        RejectedError: it is another kind of object, or patient, exam, shape, laterality or view is missing.
    """
    check_kind(dataset)
    patient = text(dataset, "PatientID") or known.patient
    exam = text(dataset, "StudyInstanceUID") or known.exam or known.patient
    if not patient or not exam:
        raise RejectedError(Code.NO_PATIENT)
    shape = shape_of(dataset)
    stated = text(dataset, "ImageLaterality") or text(dataset, "Laterality")  # also by a word other than L and R
    side = None if stated else known.laterality
    laterality, conflict = _or_known(read_laterality, dataset, Code.NO_LATERALITY, (side, False))
    view = _or_known(read_view, dataset, Code.NO_VIEW, known.view)
    if laterality is None or view is None:
        raise RejectedError(Code.NO_VIEW if laterality else Code.NO_LATERALITY)
    flags = (*header_flags(dataset), *([Flag.LATERALITY_CONFLICT] if conflict else []))
    return Header(patient, exam, laterality, view, shape, flags, spacing_mm(dataset))


def _or_known(read: Callable[[Dataset], Stated], dataset: Dataset, absent: Code, known: Stated) -> Stated:
    """Return what a header states, or what is known if it states nothing."""
    try:
        return read(dataset)
    except RejectedError as error:
        if error.code != absent:
            raise
        return known


def vendor_of(manufacturer: str) -> str:
    """Return the vendor as in VENDORS, "other" for one that is not listed, empty for an empty attribute."""
    lowered = manufacturer.lower()
    return next((vendor for part, vendor in VENDORS.items() if part in lowered), "other" if lowered.strip() else "")
