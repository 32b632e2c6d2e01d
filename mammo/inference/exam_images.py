"""The other images of the exam of each case, found in the case's folder by the headers of its DICOM files."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mammo.inference.cases import Case
from mammo.intake.dicom_header import read_header
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code
from mammo.intake.sandbox import Workers, isolated
from mammo.intake.source_folder import Folder, regular_file
from mammo.maps.view_sources import Kind
from mammo.records import Laterality, View
from mammo.store.other_images import OTHER_BREAST, OTHER_VIEW

PRELOAD = (__name__,)
"""Modules that the child processes need (intake.sandbox.Workers.preload)."""


@dataclass(frozen=True)
class Place:
    """What an image shows: the exam of a patient, the breast and the view."""

    patient: str
    exam: str
    laterality: Laterality
    view: View

    def other(self, kind: Kind) -> "Place":
        """The place of the other view of the breast (ipsi), or of the other breast (contra)."""
        if kind == "ipsi":
            return replace(self, view=View(OTHER_VIEW[self.view]))
        return replace(self, laterality=Laterality(OTHER_BREAST[self.laterality]))


def with_other_images(cases: Sequence[Case], folders: Collection[Path], kinds: Collection[Kind]) -> list[Case]:
    """The cases, each with the other images of its exam that its folder holds.

    Exam, breast and view are those of the DICOM headers; of several files of one place the first by name is taken. PNG
    and TIFF files have no header, and no other images.

    Args:
        cases: the cases.
        folders: that the caller named, as roots of cases; cases elsewhere are left as they are.
        kinds: the other images that are wanted.
    """
    found = {root: _places(root) for root in folders if kinds and any(case.root == root for case in cases)}
    return [replace(case, others=_others(case, found.get(case.root, {}), kinds)) for case in cases]


def place_of(root: Path, path: str) -> Place:
    """The place of a DICOM file below a folder, by its header.

    Raises:
        RejectedError: it is no regular file, or its header is not a mammogram's or does not state the place.
    """
    header = read_header(regular_file(root, path))
    return Place(header.patient, header.exam, header.laterality, header.view)


def _places(root: Path) -> dict[str, Place]:
    """The places of the DICOM files below a folder, by path; their headers are read in child processes."""
    paths = [path for path in Folder(root).candidates if not is_raster(path)]
    read = isolated(partial(place_of, root), paths, Workers(preload=PRELOAD))
    return {path: place for path, place in zip(paths, read, strict=True) if not isinstance(place, Code)}


def _others(case: Case, places: dict[str, Place], kinds: Collection[Kind]) -> tuple[Case, ...]:
    """The other images of a case, as cases without lesions."""
    if case.error or case.path not in places:
        return ()
    first = {place: path for path, place in reversed(list(places.items()))}
    others = [places[case.path].other(kind) for kind in kinds]
    paths = [first[place] for place in others if place in first]
    return tuple(Case(case.root, path, str(case.root / path)) for path in paths)
