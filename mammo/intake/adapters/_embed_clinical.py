"""What EMBED's clinical table, one row a finding, says of a breast in an exam.

A finding belongs to a box only where its breast has one finding. The pathology of a screening's finding may stand on
the diagnostic exam that followed: it is carried back over at most CARRIED_DAYS, where that exam, too, has one finding
of the breast. Side B and no side belong to both breasts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mammo.intake.adapters._labels import density_of
from mammo.intake.source_tables import Row, read_rows
from mammo.records import Density, LabelSource, Laterality, Pathology

Finding = tuple[Pathology, LabelSource, bool]
"""Label, its source, and whether it is high-risk."""

IDS = ("empi_anon", "acc_anon")
COLUMNS = (*IDS, "side", "path_severity")
MORE_COLUMNS = ("desc", "asses", "numfind", "bside", "study_date_anon", "total_l_find", "total_r_find", "tissueden")

SEVERITIES = {
    "0": (Pathology.MALIGNANT, LabelSource.BIOPSY, False),
    "1": (Pathology.MALIGNANT, LabelSource.BIOPSY, False),
    "2": (Pathology.BENIGN, LabelSource.BIOPSY, True),
    "3": (Pathology.BENIGN, LabelSource.BIOPSY, True),
    "4": (Pathology.BENIGN, LabelSource.BIOPSY, False),
}
"""path_severity: invasive, in situ, high-risk, borderline, benign. 5 and 6 mean different things in its documents."""

UNKNOWN: Finding = (Pathology.NONE, LabelSource.NONE, False)

CARRIED_DAYS = 90
"""Days from a screening to the diagnostic exam whose pathology is the screening's (Emory's own rule)."""

FOLLOWED_DAYS = 360
"""Days after which a second negative examination confirms the first (Emory's own rule)."""

NEGATIVE = ("N", "B")
"""Assessments of BI-RADS 1 and 2."""


@dataclass(frozen=True)
class Clinic:
    """The clinical table.

    Attributes:
        exams: the findings of each exam.
        patients: by patient, the keys of the exams.
    """

    exams: Mapping[str, Sequence[Row]]
    patients: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, file: Path) -> "Clinic":
        """The table; MammoError where it lacks a column."""
        exams: dict[str, list[Row]] = defaultdict(list)
        patients: dict[str, list[str]] = defaultdict(list)
        for row in read_rows(file, COLUMNS, MORE_COLUMNS):
            patient, exam = (key_of(row, column) for column in IDS)
            if exam not in exams:
                patients[patient].append(exam)
            exams[exam].append(row)
        return cls(exams, patients)

    def finding(self, patient: str, exam: str, side: Laterality) -> Finding:
        """What is known of the only finding of a breast in an exam; unknown where it has another number of them."""
        severities = _severities(self._of_breast(exam, side), side)
        if severities == []:
            followed = [self._of_breast(other, side) for other in self._diagnostics(patient, exam)]
            later = [_severities(rows, side) for rows in followed if rows]
            severities = None if None in later else [one for found in later for one in found or ()]
        return SEVERITIES.get(min(severities), UNKNOWN) if severities else UNKNOWN

    def density(self, exam: str) -> Density | None:
        """The density of the breasts in an exam; None where its rows tell none, or more than one."""
        told = {density_of(row.get("tissueden")) for row in self.exams.get(exam, [])}
        return told.pop() if len(told) == 1 else None

    def is_negative(self, patient: str, exam: str, side: str) -> bool:
        """Whether a screening of this breast was negative, followed a year on, and the patient never biopsied."""
        here, everything = (
            self.exams.get(exam, []),
            [row for key in self.patients.get(patient, ()) for row in self.exams[key]],
        )
        if not here or not _says("screen", here) or any(row.get("path_severity") for row in everything):
            return False
        own = self._of_breast(exam, side)
        # A bilateral exam with findings on one side only has no row for the other breast.
        if (not own and not _says("bilat", here)) or any(row.get("asses") not in NEGATIVE for row in own):
            return False
        last = max((_day(row) for row in everything if row.get("asses") in NEGATIVE), default=0)
        return last - max(map(_day, here)) >= FOLLOWED_DAYS

    def _of_breast(self, exam: str, side: str) -> list[Row]:
        return [row for row in self.exams.get(exam, []) if row.get("side", "B").upper() in (side, "B")]

    def _diagnostics(self, patient: str, exam: str) -> Iterator[str]:
        """The diagnostic exams that followed a screening soon, if this is one."""
        here = self.exams.get(exam, [])
        screened = max(map(_day, here), default=0)
        if screened and _says("screen", here):
            for other in self.patients.get(patient, ()):
                rows = self.exams[other]
                if other != exam and _says("diag", rows) and 0 <= max(map(_day, rows)) - screened <= CARRIED_DAYS:
                    yield other


def key_of(row: Row, column: str) -> str:
    """A key as text; tables written as real numbers end it with .0."""
    return row.get(column).removesuffix(".0")


def _severities(rows: Sequence[Row], side: str) -> list[str] | None:
    """The severities that one finding's rows state; None where the rows are not of one finding of the breast."""
    totals = {row.get(f"total_{side.lower()}_find", "1").removesuffix(".0") for row in rows}
    if totals != {"1"} or len({row.get("numfind") for row in rows}) != 1:
        return None
    if any(row.get("bside", "B").upper() not in (side, "B") for row in rows):
        return None
    return [row.get("path_severity").removesuffix(".0") for row in rows if row.get("path_severity")]


def _says(word: str, rows: Sequence[Row]) -> bool:
    return all(word in row.get("desc").lower() for row in rows)


def _day(row: Row) -> int:
    try:
        return date.fromisoformat(row.get("study_date_anon")[:10]).toordinal()
    except ValueError:
        return 0
