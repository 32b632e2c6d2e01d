"""Laterality and view from a DICOM header, in every attribute that the standard allows (PS3.3 C.8.11.5, C.7.6.16)."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydicom.dataset import Dataset

from mammo.intake.rejections import Code, RejectedError
from mammo.records import Laterality, View

VIEW_CODES = {
    "R-10242": View.CC,
    "399162004": View.CC,
    "R-10226": View.MLO,
    "399368009": View.MLO,
}
"""View Code Sequence (0054,0220): SNOMED-RT and SNOMED-CT codes, CID 4014."""

REGION_CODES = {
    "T-04020": Laterality.RIGHT,
    "73056007": Laterality.RIGHT,
    "T-04030": Laterality.LEFT,
    "80248007": Laterality.LEFT,
    "G-A100": Laterality.RIGHT,
    "24028007": Laterality.RIGHT,
    "G-A101": Laterality.LEFT,
    "7771000": Laterality.LEFT,
}
"""Anatomic Region Sequence (0008,2218) and its modifier: SNOMED-RT and SNOMED-CT codes of the right and left breast."""

FACING = {"P": Laterality.RIGHT, "A": Laterality.LEFT}
"""Patient Orientation (0020,0020) of the rows: towards posterior (P), the image faces left, as right breasts do."""

Word = TypeVar("Word", Laterality, View)


def text(dataset: Dataset, name: str) -> str:
    """Return the value of an attribute as text, empty if absent."""
    return str(dataset.get(name) or "").strip()


def code_string(dataset: Dataset, name: str) -> str:
    """Return the value of a Code String attribute in capitals, as the standard requires (PS3.5, 6.2)."""
    return text(dataset, name).upper()


def items(dataset: Dataset, name: str) -> Iterator[Dataset]:
    """Yield the items of a sequence; nothing if it is absent."""
    yield from dataset.get(name) or []


def read_laterality(dataset: Dataset) -> tuple[Laterality, bool]:
    """Return the laterality, and whether another attribute contradicts it.

    In order of precedence: Image Laterality (0020,0062), Laterality (0020,0060), Frame Laterality (0020,9072) of the
    shared functional groups, Anatomic Region (0008,2218), Patient Orientation (0020,0020).

    Raises:
        RejectedError: no laterality is stated, or a value is not L or R.
    """
    stated = list(_lateralities(dataset))
    if not stated:
        raise RejectedError(Code.NO_LATERALITY)
    return stated[0], len(set(stated)) > 1


def read_view(dataset: Dataset) -> View:
    """Return the view from View Position (0018,5101) and View Code Sequence (0054,0220), which must agree.

    Raises:
        RejectedError: no view is stated, the two contradict each other, or the view is not CC or MLO.
    """
    position = code_string(dataset, "ViewPosition")
    codes = [text(item, "CodeValue") for item in items(dataset, "ViewCodeSequence")]
    if position not in ("", *View) or any(code not in VIEW_CODES for code in codes):
        raise RejectedError(Code.OTHER_VIEW)
    views = [View(position)] if position else []
    return _agreed([*views, *(VIEW_CODES[code] for code in codes)], Code.NO_VIEW, Code.VIEW_CONFLICT)


def _lateralities(dataset: Dataset) -> Iterator[Laterality]:
    for name in ("ImageLaterality", "Laterality"):
        side = code_string(dataset, name)
        if side not in ("", *Laterality):
            raise RejectedError(Code.NO_LATERALITY)
        if side:
            yield Laterality(side)
    groups = items(dataset, "SharedFunctionalGroupsSequence")
    frames = [code_string(item, "FrameLaterality") for group in groups for item in items(group, "FrameAnatomySequence")]
    yield from (Laterality(side) for side in frames if side in [*Laterality])
    regions = [*items(dataset, "AnatomicRegionSequence")]
    regions += [item for region in regions for item in items(region, "AnatomicRegionModifierSequence")]
    values = [text(region, "CodeValue") for region in regions]
    yield from (REGION_CODES[value] for value in values if value in REGION_CODES)
    rows = text(dataset, "PatientOrientation").lstrip("['")[:1]
    if rows in FACING:
        yield FACING[rows]


def _agreed(words: Iterable[Word], absent: Code, conflict: Code) -> Word:
    stated = set(words)
    if len(stated) != 1:
        raise RejectedError(conflict if stated else absent)
    return stated.pop()
