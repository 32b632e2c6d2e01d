"""The exams of images, as tables of their folder and their headers state them, and the other images of each exam."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mammo.inference.case_image import CaseImage
from mammo.inference.case_reading import PRELOAD
from mammo.inference.cases import Case, CaseFolder, CaseList
from mammo.intake.adapters._table_columns import Entry, entry_of_annotation, read_entries
from mammo.intake.adapters._table_files import usual_file
from mammo.intake.adapters._table_images import (
    Description,
    FoundImage,
    described_images,
    descriptions_by_lesions,
    find_images,
    qualified_exams,
)
from mammo.intake.adapters._table_matching import ImageNames
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.adapters.table import OUTLINES
from mammo.intake.coco import read_coco
from mammo.intake.rasters import is_raster
from mammo.intake.sandbox import Workers
from mammo.intake.source_folder import Folder
from mammo.maps.view_sources import Kind
from mammo.records import Laterality, MammoError, View
from mammo.store.other_images import OTHER_BREAST, OTHER_VIEW

WORKERS = Workers(preload=PRELOAD)
"""How headers are read: by the child processes that decode the images afterwards."""

Place = tuple[str, str, Laterality, View]
"""What an image shows: patient, exam, breast and view."""


@dataclass(frozen=True)
class ExamImage:
    """What is known about the exam of an image.

    Attributes:
        patient: the source's own key.
        exam: the source's own key; empty if unknown.
        laterality: which breast.
        view: CC or MLO.
        date: of the exam, YYYYMMDD; empty if unknown.
        spacing_mm: mm between pixels, as a table states it; 0 if none does.
    """

    patient: str
    exam: str
    laterality: Laterality
    view: View
    date: str = ""
    spacing_mm: float = 0.0

    @classmethod
    def of(cls, image: CaseImage) -> "ExamImage":
        """What the header of an image states."""
        return cls(image.patient, image.exam, image.laterality, image.view)

    @property
    def place(self) -> Place:
        """What it shows."""
        return self.patient, self.exam, self.laterality, self.view

    def other(self, kind: Kind) -> Place:
        """The place of the other view of the breast (ipsi), or of the other breast (contra), in the exam."""
        if kind == "ipsi":
            return self.patient, self.exam, self.laterality, View(OTHER_VIEW[self.view])
        return self.patient, self.exam, Laterality(OTHER_BREAST[self.laterality]), self.view


def other_images(images: Sequence[ExamImage | None], kinds: Collection[Kind]) -> list[list[int]]:
    """For each image the numbers of the other images of its exam, in the order given; none where its exam is unknown.

    Several images of one view are all among them: their flags, by which the scorer chooses (store.other_images), are
    known when they are decoded.

    Args:
        images: what is known about each.
        kinds: which other images: of the other view (ipsi), of the other breast (contra).
    """
    by_place: dict[Place, list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        if image is not None and image.exam:
            by_place[image.place].append(number)
    return [
        [] if image is None else sorted(number for kind in kinds for number in by_place.get(image.other(kind), ()))
        for image in images
    ]


def with_other_images(asked: CaseList, kinds: Collection[Kind]) -> CaseList:
    """The cases, each with the other images of its exam that its folder holds; single images keep those they have.

    Args:
        asked: the cases, and their folders.
        kinds: as other_images; without any, no file is read.
    """
    if not kinds:
        return asked
    found: dict[tuple[Path, str], tuple[Case, ...]] = {}
    for folder in asked.folders:
        others = other_cases(folder.root, read_exam_images(folder), kinds)
        found |= {(folder.root, path): each for path, each in others.items()}
    cases = [replace(case, others=case.others or found.get((case.root, case.path), ())) for case in asked.cases]
    return asked._replace(cases=cases, not_used=[name for name in asked.not_used if name not in asked.of_exams])


def with_given_images(case: Case, given: Mapping[Kind, Path]) -> Case:
    """A single image with the other images of its exam that the caller names.

    Args:
        case: the image; one whose breast or view is unknown stays as it is, since it cannot be scored.
        given: their files.

    Raises:
        MammoError: by its header another image is of another patient or study, or shows something else.
    """
    own = _by_header(case) if given else None
    if own is None:
        return case
    others = []
    for kind, file in given.items():
        *exam, side, view = own.other(kind)
        other = Case(file.parent, file.name, str(file), side, view, case.spacing_mm)
        stated = _by_header(replace(other, laterality=None, view=None))
        if stated and (stated.laterality, stated.view) != (side, view):
            shown = f"breast {stated.laterality} in {stated.view}"
            raise MammoError(f"{file} shows {shown} by its header: give the image of breast {side} in {view}")
        if stated and stated.exam and own.exam and [stated.patient, stated.exam] != exam:
            raise MammoError(
                f"{file} is of another patient or study than {case.name} by its header: give one of that exam"
            )
        others.append(other)
    return replace(case, others=tuple(others))


def _by_header(case: Case) -> ExamImage | None:
    """What the header of an image states and the caller says; None if its breast or view is unknown or contradicted."""
    file, said = (case.root / case.path).resolve(), Description(laterality=case.laterality, view=case.view)
    if is_raster(file.name):
        return ExamImage("", "", case.laterality, case.view) if case.laterality and case.view else None
    (found,) = find_images(file.parent, [file.name], {file.name: said}, WORKERS, exams=True)
    return _exam_image(found, {})


def other_cases(root: Path, images: Mapping[str, ExamImage], kinds: Collection[Kind]) -> dict[str, tuple[Case, ...]]:
    """The other images of each image, by its path below a folder, as cases without lesions.

    Args:
        root: the folder.
        images: as read_exam_images.
        kinds: as other_images.
    """
    paths, known = list(images), list(images.values())
    return {
        path: tuple(_case(root, paths[number], known[number]) for number in others)
        for path, others in zip(paths, other_images(known, kinds), strict=True)
    }


def _case(root: Path, path: str, image: ExamImage) -> Case:
    breast = image.laterality, image.view
    return Case(root, path, str(root / path), *breast, image.spacing_mm or None)


def read_exam_images(folder: CaseFolder, paths: Sequence[str] | None = None) -> dict[str, ExamImage]:
    """What is known about the exams of images, by path and in order, as an ingest of the folder would know it.

    Images whose side or view is unknown, or whose header an ingest would reject, are left out.

    Args:
        folder: the folder and its tables.
        paths: of images below it; None for all of the folder, in the order of an ingest.
    """
    root, candidates = folder.root, Folder(folder.root).candidates if paths is None else tuple(paths)
    files = [path for path in candidates if not path.startswith(f"{OUTLINES}/")]
    file, names, problems = usual_file(root, "images", "rename it"), ImageNames(root, candidates), Problems()
    entries = read_entries(file, folder.columns) if file else []
    strong = described_images(entries, names, problems)  # read_cases has named what is wrong
    described, _ = qualified_exams(_described_by_lesions(folder, names, problems) | strong)
    dates = {path: entry.get("date") for entry, path in _with_paths(entries, names, problems)}
    found = [_exam_image(one, dates) for one in find_images(root, files, described, WORKERS, exams=True)]
    return {path: image for path, image in zip(files, found, strict=True) if image is not None}


def _described_by_lesions(folder: CaseFolder, names: ImageNames, problems: Problems) -> dict[str, Description]:
    """What the rows of tables of lesions and the annotations of COCO files say about images, by path."""
    entries = [entry for file in folder.tables for entry in read_entries(file, folder.columns)]
    entries += [entry_of_annotation(annotation) for file in folder.annotated for annotation in read_coco(file)]
    return descriptions_by_lesions(_with_paths(entries, names, problems), problems)


def _with_paths(entries: Sequence[Entry], names: ImageNames, problems: Problems) -> Iterator[tuple[Entry, str]]:
    """Yield the rows whose image is in the folder, with its path."""
    for entry in entries:
        path = ""
        with problems.collected():
            path = names.path(entry, "image") if entry.get("image") else ""
        if path:
            yield entry, path


def _exam_image(found: FoundImage, dates: Mapping[str, str]) -> ExamImage | None:
    record = found.record
    if record.code or record.laterality is None or record.view is None:
        return None
    date = re.sub(r"\D", "", dates.get(record.path, "") or found.keys.date)
    keys = record.patient_key, record.exam_key, record.laterality, record.view
    return ExamImage(*keys, date if len(date) == 8 else "", record.spacing_mm)
