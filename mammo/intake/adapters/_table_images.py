"""Images of a user's folder: what its tables and the headers say about each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from mammo.intake.adapters._labels import parse_density
from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_matching import HeaderKeys, ImageNames
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.adapters._table_words import side_of, spacing_of, view_of
from mammo.intake.dicom_header import Known, read_header, read_identity
from mammo.intake.laterality_view import text
from mammo.intake.rasters import is_raster
from mammo.intake.rejections import Code, RejectedError, rejected
from mammo.intake.sandbox import Workers, isolated
from mammo.intake.source_folder import regular_file
from mammo.intake.stored_shape import Shape, stored_header
from mammo.progress import track
from mammo.records import Density, ImageRecord, Laterality, Split, View

EXAM_TAGS = ("SOPInstanceUID", "StudyDate", "StudyInstanceUID", "AccessionNumber", "StudyID")


@dataclass(frozen=True)
class Description:
    """What a user's table says about an image; empty and None where it says nothing.

    Attributes:
        outranks: whether patient and exam outrank those of the header, as in the table of images; the columns of a
            table of lesions only complete it.
    """

    patient: str = ""
    exam: str = ""
    laterality: Laterality | None = None
    view: View | None = None
    density: Density | None = None
    split: Split | None = None
    spacing_mm: float = 0.0
    outranks: bool = True

    @property
    def known(self) -> Known:
        """What stands in for an attribute that the header lacks."""
        return Known(self.patient, self.exam, self.laterality, self.view)

    def record(self, path: str) -> ImageRecord:
        """Return the record of an image without a header; without an exam, all images of a patient are of one."""
        exam = self.exam or self.patient
        record = ImageRecord(path, self.patient, exam, self.laterality, self.view, split=self.split)
        return replace(record, density=self.density, spacing_mm=self.spacing_mm)


NOTHING = Description()


class FoundImage(NamedTuple):
    """One file: its record, its shape if it has a header, and what its header says about the exam."""

    record: ImageRecord
    shape: Shape | None
    keys: HeaderKeys


def described_images(entries: Iterable[Entry], names: ImageNames, problems: Problems) -> dict[str, Description]:
    """Return the checked rows of a table of images, by path."""
    rows: dict[str, Entry] = {}
    by_patient: dict[str, Entry] = {}
    found: dict[str, Description] = {}
    for entry in entries:
        path = ""
        with problems.collected():
            path = names.path(entry, "image")
            if not path:
                guess = names.guess(entry.path("image"))
                raise entry.error("image", f"not an image below the folder{guess}; correct the path or drop the row")
            same = rows.setdefault(path, entry)
            if same is not entry:
                raise entry.error("image", f"{same.key} describes the same image; keep one row for every image")
        found[path] = _description(entry, bool(path) and is_raster(path), problems)
        with problems.collected():
            _check_split(entry, by_patient)
    return found


def descriptions_by_lesions(entries: Iterable[tuple[Entry, str]], problems: Problems) -> dict[str, Description]:
    """Return what the rows of a table of lesions, with their images, say about the images, by path."""
    found: dict[str, Description] = {}
    first: dict[str, Entry] = {}
    for entry, path in entries:
        n_before = len(problems.messages)
        said = replace(_description(entry, False, problems), outranks=False)
        said = replace(said, exam=said.exam or entry.get("date"))
        if len(problems.messages) > n_before:
            continue  # what it says is not compared
        with problems.collected():
            if found.setdefault(path, said) != said:
                raise entry.error("image", f"{first[path].key} says something else about the patient or view of it")
            first.setdefault(path, entry)
    return {path: said for path, said in found.items() if replace(said, outranks=True) != NOTHING}


def _check_split(entry: Entry, by_patient: dict[str, Entry]) -> None:
    """Check that all images of a patient are in one split."""
    if not entry.get("patient"):
        return
    same = by_patient.setdefault(entry.get("patient"), entry)
    if _split(same) != _split(entry):
        other = f"{same.key}, of the same patient, has {same.get('split')!r}"
        raise entry.error("split", f"{other}; put all of a patient's images into one split, or drop the column")


def _split(entry: Entry) -> Split | None:
    word = entry.get("split").lower()
    return next((split for split in Split if split == {"validation": "val", "training": "train"}.get(word, word)), None)


def _description(entry: Entry, complete: bool, problems: Problems) -> Description:
    """Return what a row says about its image; every word that is wrong is a problem, and says nothing.

    Args:
        entry: the row.
        complete: whether the row stands in for a header, so that patient, side and view must be given.
        problems: found so far.
    """
    side, view, spacing, density = None, None, 0.0, parse_density(entry.get("density"))
    with problems.collected():
        side = side_of(entry)
        if complete and not side:
            raise entry.error("laterality", "must be L or R")
    with problems.collected():
        view = view_of(entry)
        if complete and not view:
            raise entry.error("view", "must be CC or MLO")
    with problems.collected():
        spacing = spacing_of(entry)
    if complete and not entry.get("patient"):
        problems.add(str(entry.error("patient", "must be given, to keep patients in one split")))
    if entry.get("density").lower() not in ("", "none") and not density:
        problems.add(str(entry.error("density", "must be A, B, C, D or empty")))
    if entry.get("split").lower() not in ("", "none") and not _split(entry):
        problems.add(str(entry.error("split", "must be train, val, test or empty")))
    exam = entry.get("exam") or (entry.get("date") if complete else "")
    return Description(entry.get("patient"), exam, side, view, density, _split(entry), spacing)


def qualified_exams(found: Mapping[str, Description]) -> tuple[dict[str, Description], str]:
    """Return descriptions whose exam numbers are unique to their patients, and a note if they were not."""
    patients: dict[str, set[str]] = defaultdict(set)
    for said in found.values():
        if said.exam and said.patient:
            patients[said.exam].add(said.patient)
    n_shared = sum(len(of_exam) > 1 for of_exam in patients.values())
    if not n_shared:
        return dict(found), ""
    note = (
        f"caution: exam numbers that your table uses for more than one patient: {n_shared}; the exam of each patient "
        "counts as one of its own"
    )
    unique = {
        path: replace(said, exam=f"{said.patient} {said.exam}" if said.exam else "") for path, said in found.items()
    }
    return unique, note


def find_images(
    root: Path, paths: Sequence[str], described: Mapping[str, Description], workers: Workers, exams: bool
) -> Iterator[FoundImage]:
    """Yield what tables and headers say about every file, in order.

    Args:
        root: the source folder.
        paths: the files.
        described: what the user's tables say, by path.
        workers: how files are read in child processes.
        exams: whether the header's exam is needed, to find the images of rows that do not name a file.
    """
    items = [(path, described.get(path)) for path in paths]
    results = track(isolated(partial(_find_image, root, exams), items, workers, itemgetter(0)), "headers", len(items))
    for (path, said), result in zip(items, results, strict=True):
        if isinstance(result, Code):
            yield FoundImage(rejected((said or NOTHING).record(path), result), None, HeaderKeys())
        else:
            yield result


def _find_image(root: Path, exams: bool, item: tuple[str, Description | None]) -> FoundImage:
    """Return what is known about one file.

    Raises:
        RejectedError: the file is rejected.
    """
    path, row = item
    file, said = regular_file(root, path), row or NOTHING
    if is_raster(path):
        if not (said.patient and said.laterality and said.view):
            raise RejectedError(Code.NOT_DESCRIBED)
        return FoundImage(said.record(path), None, HeaderKeys())
    try:
        header = read_header(file, said.known)
    except RejectedError as error:  # the breast of a rejected image is kept, as its lesions make it not negative
        patient, exam, side, view = read_identity(file)
        record = ImageRecord(
            path,
            said.patient or patient,
            said.exam or exam,
            said.laterality or side,
            said.view or view,
            split=said.split,
        )
        return FoundImage(rejected(record, error.code), None, _header_keys(root, path) if exams else HeaderKeys())
    keys, breast = (header.patient, header.exam), (header.laterality, header.view)
    if said.outranks:
        keys = (said.patient or header.patient, said.exam or header.exam)
        breast = (said.laterality or header.laterality, said.view or header.view)
    record = ImageRecord(path, *keys, *breast, split=said.split, density=said.density, flags=header.flags)
    record = replace(record, spacing_mm=said.spacing_mm)
    if record.laterality != header.laterality:
        record = rejected(record, Code.LATERALITY_CONFLICT)
    elif record.view != header.view:
        record = rejected(record, Code.VIEW_CONFLICT)
    return FoundImage(record, header.shape, _header_keys(root, path) if exams else HeaderKeys())


def _header_keys(root: Path, path: str) -> HeaderKeys:
    header = stored_header(root, path, *EXAM_TAGS)
    uid, date, *names = (text(header, tag) for tag in EXAM_TAGS)
    return HeaderKeys(uid, date, tuple(name for name in names if name))


def copies_of(found: Iterable[FoundImage]) -> Iterator[tuple[str, str]]:
    """Yield the paths of every two files of one SOP Instance UID, both ways round, where headers were read for it."""
    paths: dict[str, list[str]] = defaultdict(list)
    for image in found:
        if image.keys.uid:
            paths[image.keys.uid].append(image.record.path)
    for same in paths.values():
        yield from permutations(same, 2)
