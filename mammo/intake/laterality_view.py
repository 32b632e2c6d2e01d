"""Laterality, view and orientation from a DICOM header, as the standard allows them (PS3.3 C.8.11.5, C.7.6.16)."""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

from pydicom.dataset import Dataset

from mammo.intake.outcomes import Flag
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

DIRECTION = re.compile("[APRLHF]{1,3}")
"""A direction in the patient (PS3.3 C.7.6.1.1.1): anterior, posterior, right, left, head, feet. Some published copies
have the name of the view instead."""

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
    shared functional groups, Anatomic Region (0008,2218). Where none is given, Patient Orientation (0020,0020) states
    it; an orientation that contradicts them is one of the image (orientation_flags), not another laterality.

    Raises:
        RejectedError: no laterality is stated, or a value is not L or R.
    """
    stated = list(_lateralities(dataset))
    rows = read_orientation(dataset)[0][:1]
    if not stated and rows in FACING:
        return FACING[rows], False
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


def read_orientation(dataset: Dataset) -> tuple[str, str]:
    """Return the directions of rows and columns by (0020,0020), as in ("A", "FR"); empty if unknown."""
    value = dataset.get("PatientOrientation") or []
    words = [str(word).strip().upper() for word in ([value] if isinstance(value, str) else value)]
    rows, cols, *_ = (*(word if DIRECTION.fullmatch(word) else "" for word in words), "", "")
    return rows, cols


def orientation_flags(
    orientation: tuple[str, str], laterality: Laterality, view: View, faces_left: bool
) -> Iterator[Flag]:
    """Yield the flags of an image whose orientation is not that of a mammogram, or not what its pixels show.

    The head is at the top of an MLO image, and the lateral side of the breast at the top of a CC image.

    Args:
        orientation: directions of rows and columns, as read_orientation returns them.
        laterality: which breast.
        view: CC or MLO.
        faces_left: whether the stored image faces left.
    """
    rows, cols = orientation
    if ("H" if view is View.MLO else laterality) in cols:
        yield Flag.UPSIDE_DOWN
    if ("A" if faces_left else "P") in rows:
        yield Flag.CHEST_WALL


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


def _agreed(words: Iterable[Word], absent: Code, conflict: Code) -> Word:
    stated = set(words)
    if len(stated) != 1:
        raise RejectedError(conflict if stated else absent)
    return stated.pop()
