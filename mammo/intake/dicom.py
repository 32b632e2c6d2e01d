"""A DICOM header: is this a mammogram that may enter, and of which breast and view (DICOM PS3.3 C.8.11)?

Refused are objects that pydicom would open without a word: tomosynthesis and other multi-frame volumes, raw images FOR
PROCESSING, other modalities, views other than CC and MLO, and headers that contradict themselves.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import TypeVar
from warnings import catch_warnings, simplefilter

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from mammo.intake.refusals import Code, RefusedError
from mammo.records import Laterality, View

TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
"""Breast Tomosynthesis Image Storage, SOP Class UID (0008,0016)."""

TAGS = [
    "SOPClassUID",
    "Modality",
    "PresentationIntentType",
    "PatientID",
    "StudyInstanceUID",
    "ImageLaterality",
    "Laterality",
    "ViewPosition",
    "ViewCodeSequence",
    "NumberOfFrames",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
]

VIEW_CODES = {
    "R-10242": View.CC,
    "399162004": View.CC,
    "R-10226": View.MLO,
    "399368009": View.MLO,
}
"""View Code Sequence (0054,0220): SNOMED-RT and SNOMED-CT codes, CID 4014."""

Word = TypeVar("Word", Laterality, View)


@dataclass(frozen=True)
class Header:
    """What the gate keeps of a header.

    Attributes:
        patient: Patient ID (0010,0020).
        exam: Study Instance UID (0020,000D).
        laterality: which breast.
        view: CC or MLO.
        shape: (Rows (0028,0010), Columns (0028,0011)).
    """

    patient: str
    exam: str
    laterality: Laterality
    view: View
    shape: tuple[int, int]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom, whose warnings and log lines quote values of the header."""
    logger = getLogger("pydicom")
    was, logger.disabled = logger.disabled, True
    try:
        with catch_warnings():
            simplefilter("ignore")
            yield
    finally:
        logger.disabled = was


def open_dicom(path: Path, header_only: bool = False) -> Dataset:
    """Read a file, or only what TAGS names and nothing of its pixels.

    Raises:
        RefusedError: the file cannot be opened or is no DICOM file.
    """
    try:
        if header_only:
            return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS))
        return pydicom.dcmread(path)
    except InvalidDicomError:
        raise RefusedError(Code.NOT_DICOM) from None
    except OSError:
        raise RefusedError(Code.UNREADABLE) from None
    except Exception:  # a damaged header may fail anywhere inside pydicom
        raise RefusedError(Code.NOT_DICOM) from None


def read_header(path: Path) -> Header:
    """The header of one file, if it is one of a mammogram that may enter.

    Raises:
        RefusedError: it is not.
    """
    with quiet():
        dataset = open_dicom(path, header_only=True)
        try:
            return examine(dataset)
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            raise RefusedError(Code.NOT_DICOM) from None  # a value that its own type does not allow


def examine(dataset: Dataset) -> Header:
    """Check the kind of object, then read whose, which breast and which view it is."""
    for refused, code in _kinds(dataset):
        if refused:
            raise RefusedError(code)
    patient, exam = _text(dataset, "PatientID"), _text(dataset, "StudyInstanceUID")
    if not patient or not exam:
        raise RefusedError(Code.NO_PATIENT)
    shape = (int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0))
    if min(shape) < 1:
        raise RefusedError(Code.NO_PIXELS)
    return Header(patient, exam, _laterality(dataset), _view(dataset), shape)


def _kinds(dataset: Dataset) -> Iterator[tuple[bool, Code]]:
    yield _text(dataset, "SOPClassUID") == TOMOSYNTHESIS, Code.TOMOSYNTHESIS
    yield _text(dataset, "Modality") != "MG", Code.WRONG_MODALITY
    yield _text(dataset, "PresentationIntentType") == "FOR PROCESSING", Code.FOR_PROCESSING
    yield int(dataset.get("NumberOfFrames") or 1) != 1, Code.MULTI_FRAME
    yield _text(dataset, "PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2"), Code.NOT_GREY


def _laterality(dataset: Dataset) -> Laterality:
    """Image Laterality (0020,0062), else Laterality (0020,0060); where both are given they must agree."""
    words = [_text(dataset, name) for name in ("ImageLaterality", "Laterality")]
    if any(word not in ("", *Laterality) for word in words):
        raise RefusedError(Code.NO_LATERALITY)
    return _agreed((Laterality(word) for word in words if word), Code.NO_LATERALITY, Code.LATERALITY_CONFLICT)


def _view(dataset: Dataset) -> View:
    """View Position (0018,5101) or View Code Sequence (0054,0220); where both are given they must agree."""
    word = _text(dataset, "ViewPosition")
    codes = [_text(item, "CodeValue") for item in dataset.get("ViewCodeSequence") or []]
    if word not in ("", *View) or any(code not in VIEW_CODES for code in codes):
        raise RefusedError(Code.OTHER_VIEW)
    views = [View(word)] if word else []
    return _agreed([*views, *(VIEW_CODES[code] for code in codes)], Code.NO_VIEW, Code.VIEW_CONFLICT)


def _agreed(words: Iterable[Word], absent: Code, conflict: Code) -> Word:
    stated = set(words)
    if len(stated) != 1:
        raise RefusedError(conflict if stated else absent)
    return stated.pop()


def _text(dataset: Dataset, name: str) -> str:
    return str(dataset.get(name) or "").strip()
