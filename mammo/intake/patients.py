"""Patients of a source whose exams have no patient key, from a table of exams and patients (data.patients)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mammo.intake.adapters._labels import clean_splits
from mammo.intake.adapters._table_columns import Entry, columns_of, read_entries
from mammo.intake.adapters._table_files import named_file
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.source_tables import read_header
from mammo.records import Cohort, ImageRecord, MammoError

FIELDS = ("exam", "patient")


def patients_file(root: Path, name: str) -> Path:
    """Return the table of exams and patients, relative to the source or absolute.

    Args:
        root: folder of the source.
        name: as configured (data.patients).

    Raises:
        MammoError: there is no such file, or it lacks a column.
    """
    file = named_file(root, name, "data.patients")
    header = read_header(file)
    for field in FIELDS:
        if field not in columns_of(header, {}):
            listed = ", ".join(column for column in header if column) or "nothing"
            raise MammoError(f"data.patients={file} lacks the column {field}: add it (the table has {listed})")
    return file


def with_patients(cohort: Cohort, file: Path) -> Cohort:
    """Return the cohort with the patients of its exams, who are no longer unknown.

    A patient in several official splits goes to the last of training, validation and test.

    Args:
        cohort: of a source that does not know its patients.
        file: a CSV, TSV, Excel or Parquet table with the columns exam, as the source names or numbers it, and patient.

    Raises:
        MammoError: the source knows its patients, rows are wrong (the first 20 are listed), or an exam has no row.
    """
    if cohort.knows_patients:
        raise MammoError("data.patients is for sources that do not state patients, and this one does: leave it out")
    patients = _patients(file, [image.exam_key for image in cohort.images])
    missing = sorted({image.exam_key for image in cohort.images} - patients.keys())
    if missing:
        raise MammoError(
            f"{file} has no row for {len(missing)} of the source's exams (the first: {missing[0]}): give the patient "
            "of every exam"
        )
    images = [replace(image, patient_key=patients[image.exam_key]) for image in cohort.images]
    note = f"patients by {file.name}: {len(set(patients.values()))} of {len(patients)} exams"
    images, notes = _with_clean_splits(images)
    return replace(cohort, images=tuple(images), knows_patients=True, notes=(*cohort.notes, note, *notes))


def _patients(file: Path, exams: list[str]) -> dict[str, str]:
    """Return the patient of each exam in the table."""
    known, problems = dict.fromkeys(exams), Problems()
    rows: dict[str, Entry] = {}
    for entry in read_entries(file, {}):
        with problems.collected():
            _check(entry, known, rows.setdefault(entry.get("exam"), entry))
    problems.check()
    return {exam: entry.get("patient") for exam, entry in rows.items()}


def _check(entry: Entry, exams: Mapping[str, None], first: Entry) -> None:
    """Check that a row names an exam of the source and its patient, and agrees with the first row of the exam."""
    if not entry.get("exam"):
        raise entry.error("exam", "must be given")
    if entry.get("exam") not in exams:
        examples = ", ".join(list(exams)[:3])
        raise entry.error("exam", f"not an exam of the source (they are {examples}, ...); correct or drop the row")
    if not entry.get("patient"):
        raise entry.error("patient", "must be given, to keep patients in one split")
    if first.get("patient") != entry.get("patient"):
        raise entry.error("patient", f"but {first.get('patient')!r} in {first.key}, of the same exam; correct one")


def _with_clean_splits(images: list[ImageRecord]) -> tuple[list[ImageRecord], tuple[str, ...]]:
    splits, notes = clean_splits((image.patient_key, image.split) for image in images if image.split)
    return [replace(image, split=splits.get(image.patient_key)) for image in images], notes
