"""EMBED's clinical table, one row per finding: labels and density of the breasts in an exam.

A finding is linked to a box only if its breast has one finding. The pathology of a screening finding can be recorded in
the diagnostic exam that followed: it is carried back over at most CARRIED_DAYS, if that exam also has one finding of
the breast. Rows of side B or without a side belong to both breasts.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mammo.intake.adapters._labels import UNKNOWN_LABEL, LesionLabel, parse_density
from mammo.intake.source_tables import Row, read_rows
from mammo.records import Birads, Density, LabelSource, Laterality, Pathology

IDS = ("empi_anon", "acc_anon")
COLUMNS = (*IDS, "side", "path_severity")
MORE_COLUMNS = ("desc", "asses", "numfind", "bside", "study_date_anon", "total_l_find", "total_r_find", "tissueden")

SEVERITIES = {
    "0": LesionLabel(Pathology.MALIGNANT, LabelSource.BIOPSY, False, "invasive"),
    "1": LesionLabel(Pathology.MALIGNANT, LabelSource.BIOPSY, False, "in situ"),
    "2": LesionLabel(Pathology.BENIGN, LabelSource.BIOPSY, True),
    "3": LesionLabel(Pathology.BENIGN, LabelSource.BIOPSY, True),
    "4": LesionLabel(Pathology.BENIGN, LabelSource.BIOPSY, False),
}
"""Labels by path_severity: invasive, in situ, high-risk, borderline, benign. Its documents contradict each other on
5 and 6."""

CARRIED_DAYS = 90
"""Largest number of days from a screening to the diagnostic exam whose pathology applies to it (Emory's own rule)."""

FOLLOWED_DAYS = 360
"""Days after which a second negative exam confirms the first (Emory's own rule)."""

ASSESSMENTS = {
    "A": Birads.INCOMPLETE,
    "N": Birads.NEGATIVE,
    "B": Birads.BENIGN,
    "P": Birads.PROBABLY_BENIGN,
    "S": Birads.SUSPICIOUS,
    "M": Birads.HIGHLY_SUGGESTIVE,
    "K": Birads.KNOWN_MALIGNANCY,
}
"""BI-RADS categories by the letters of `asses`."""

NEGATIVE = ("N", "B")
"""Values of `asses` for BI-RADS 1 and 2."""


@dataclass(frozen=True)
class ClinicalTable:
    """EMBED's clinical table.

    Attributes:
        exams: rows of each exam, one per finding.
        patients: exam keys of each patient.
    """

    exams: Mapping[str, Sequence[Row]]
    patients: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, file: Path) -> "ClinicalTable":
        """Read the table.

        Raises:
            MammoError: a column is missing.
        """
        exams: dict[str, list[Row]] = defaultdict(list)
        patients: dict[str, list[str]] = defaultdict(list)
        for row in read_rows(file, COLUMNS, MORE_COLUMNS):
            patient, exam = (text_key(row, column) for column in IDS)
            if exam not in exams:
                patients[patient].append(exam)
            exams[exam].append(row)
        return cls(exams, patients)

    def label(self, patient: str, exam: str, side: Laterality) -> LesionLabel:
        """Return the label of the only finding of a breast in an exam; unknown unless there is exactly one."""
        severities = _severities(self._of_breast(exam, side), side)
        if severities == []:
            followed = [self._of_breast(other, side) for other in self._diagnostics(patient, exam)]
            later = [_severities(rows, side) for rows in followed if rows]
            severities = None if None in later else [severity for found in later for severity in found or ()]
        return SEVERITIES.get(min(severities), UNKNOWN_LABEL) if severities else UNKNOWN_LABEL

    def finding_key(self, patient: str, exam: str, side: Laterality) -> str:
        """Return the key of the only finding of a breast in an exam; empty unless there is exactly one."""
        return "" if _severities(self._of_breast(exam, side), side) is None else f"{patient}_{exam}_{side}"

    def birads(self, exam: str, side: Laterality) -> Birads | None:
        """Return the category of the only finding of a breast in an exam; None unless there is exactly one."""
        rows = self._of_breast(exam, side)
        categories = {ASSESSMENTS.get(row.get("asses").upper()) for row in rows}
        return categories.pop() if _severities(rows, side) is not None and len(categories) == 1 else None

    def density(self, exam: str) -> Density | None:
        """Return the density of the breasts in an exam; None unless its rows agree on one."""
        densities = {parse_density(row.get("tissueden")) for row in self.exams.get(exam, [])}
        return densities.pop() if len(densities) == 1 else None

    def is_negative(self, patient: str, exam: str, side: str) -> bool:
        """Whether a screening of this breast was negative, confirmed a year later, and the patient never biopsied."""
        rows = self.exams.get(exam, [])
        patient_rows = [row for key in self.patients.get(patient, ()) for row in self.exams[key]]
        if not rows or not _described_as("screen", rows) or any(row.get("path_severity") for row in patient_rows):
            return False
        own = self._of_breast(exam, side)
        # A bilateral exam with findings on one side only has no row for the other breast.
        if (not own and not _described_as("bilat", rows)) or any(row.get("asses") not in NEGATIVE for row in own):
            return False
        last = max((_day(row) for row in patient_rows if row.get("asses") in NEGATIVE), default=0)
        return last - max(map(_day, rows)) >= FOLLOWED_DAYS

    def _of_breast(self, exam: str, side: str) -> list[Row]:
        return [row for row in self.exams.get(exam, []) if row.get("side", "B").upper() in (side, "B")]

    def _diagnostics(self, patient: str, exam: str) -> Iterator[str]:
        """Yield the diagnostic exams within CARRIED_DAYS after an exam, if this is a screening."""
        screening = self.exams.get(exam, [])
        screened = max(map(_day, screening), default=0)
        if screened and _described_as("screen", screening):
            for other in self.patients.get(patient, ()):
                rows = self.exams[other]
                soon = 0 <= max(map(_day, rows)) - screened <= CARRIED_DAYS
                if other != exam and _described_as("diag", rows) and soon:
                    yield other


def text_key(row: Row, column: str) -> str:
    """Return a key as text, without the .0 of keys that were written as real numbers."""
    return row.get(column).removesuffix(".0")


def _severities(rows: Sequence[Row], side: str) -> list[str] | None:
    """Return the severities in the rows of a breast's only finding; None if there is not exactly one."""
    totals = {row.get(f"total_{side.lower()}_find", "1").removesuffix(".0") for row in rows}
    if totals != {"1"} or len({row.get("numfind") for row in rows}) != 1:
        return None
    if any(row.get("bside", "B").upper() not in (side, "B") for row in rows):
        return None
    return [row.get("path_severity").removesuffix(".0") for row in rows if row.get("path_severity")]


def _described_as(word: str, rows: Sequence[Row]) -> bool:
    return all(word in row.get("desc").lower() for row in rows)


def _day(row: Row) -> int:
    try:
        return date.fromisoformat(row.get("study_date_anon")[:10]).toordinal()
    except ValueError:
        return 0
