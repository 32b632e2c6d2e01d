"""The exams of images, as the table of images of their folder and their headers state them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo.intake.adapters._table_columns import Entry, read_entries
from mammo.intake.adapters._table_files import usual_file
from mammo.intake.adapters._table_images import FoundImage, described_images, find_images, qualified_exams
from mammo.intake.adapters._table_matching import ImageNames
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers
from mammo.records import Laterality, View


@dataclass(frozen=True)
class ExamImage:
    """What is known about the exam of an image.

    Attributes:
        patient: the source's own key.
        exam: the source's own key; empty if unknown.
        laterality: which breast.
        view: CC or MLO.
        date: of the exam, YYYYMMDD; empty if unknown.
    """

    patient: str
    exam: str
    laterality: Laterality
    view: View
    date: str = ""


def read_exam_images(root: Path, paths: Sequence[str], workers: Workers = DEFAULT_WORKERS) -> list[ExamImage | None]:
    """What is known about each image; None where side or view is unknown, or an ingest would reject its header.

    Args:
        root: the folder, with a table of images if it has one (intake.adapters.table).
        paths: images below it.
        workers: how headers are read in child processes.
    """
    file = usual_file(root, "images", "rename it")
    entries, names, problems = read_entries(file, {}) if file else [], ImageNames(root, paths), Problems()
    described, _ = qualified_exams(described_images(entries, names, problems))  # read_cases has named wrong rows
    dates = _dates(entries, names, problems)
    found = find_images(root, paths, described, workers, exams=True)
    return [_exam_image(image, dates.get(image.record.path, "")) for image in found]


def _dates(entries: Sequence[Entry], names: ImageNames, problems: Problems) -> dict[str, str]:
    """The dates that rows of a table of images state, by path."""
    found: dict[str, str] = {}
    for entry in entries:
        with problems.collected():
            found[names.path(entry, "image")] = entry.get("date")
    return found


def _exam_image(image: FoundImage, stated: str) -> ExamImage | None:
    record = image.record
    if record.code or record.laterality is None or record.view is None:
        return None
    date = re.sub(r"\D", "", stated or image.keys.date)
    breast = record.laterality, record.view
    return ExamImage(record.patient_key, record.exam_key, *breast, date if len(date) == 8 else "")
