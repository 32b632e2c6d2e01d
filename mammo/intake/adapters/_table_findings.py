"""Findings of a user's tables: the rows that one finding_id joins are of one patient, breast and label."""

from collections.abc import Mapping, Sequence

from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_lesions import TableLesion
from mammo.intake.adapters._table_messages import Problems
from mammo.intake.adapters._table_words import Meaning
from mammo.records import ImageRecord
from mammo.text import UNSTATED

FIELD = "finding_id"


def finding_key(entry: Entry) -> str:
    """Return a row's id of its finding; empty for a word that stands for an unknown one, which would join lesions."""
    key = entry.get(FIELD)
    return "" if key.lower() in UNSTATED else key


def check_findings(rows: Sequence[TableLesion], records: Mapping[str, ImageRecord], problems: Problems) -> None:
    """Check every row that has a finding_id against the first row that has it; rows without a finding do not count.

    Args:
        rows: with their images.
        records: the images, by path.
        problems: found so far; a finding in two patients, breasts or labels is one.
    """
    first: dict[str, TableLesion] = {}
    for row in rows:
        key = finding_key(row.entry)
        if not key or not row.is_known or row.meaning is Meaning.NORMAL:
            continue
        before = first.setdefault(key, row)
        place = before.entry.key if before.entry.file == row.entry.file else before.entry.where
        if difference := _difference(before, row, records):
            problems.add(str(row.entry.error(FIELD, f"{place} has it too, {difference}")))


def _difference(before: TableLesion, row: TableLesion, records: Mapping[str, ImageRecord]) -> str:
    """Return what two rows of one finding contradict each other in, and the remedy; empty if in nothing."""
    one, other = records.get(before.image), records.get(row.image)
    own_ids = "give each finding an id of its own, unique among all patients"
    if one and other and one.patient_key and other.patient_key and one.patient_key != other.patient_key:
        return f"of another patient; {own_ids}"
    if one and other and one.laterality and other.laterality and one.laterality != other.laterality:
        return f"of the {one.laterality} breast, and this one is of the {other.laterality} breast; {own_ids}"
    if before.meaning.pathology is not row.meaning.pathology:
        labels = f"labeled {before.meaning.pathology}, and this one {row.meaning.pathology}"
        return f"{labels}; correct one of the labels, or give each finding an id of its own"
    return ""
