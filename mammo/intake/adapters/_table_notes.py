"""Notes on a user's folder, printed after an ingest: how labels were read, and what to check before a split."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from mammo.intake.adapters._table_lesions import Drawn, TableLesion
from mammo.intake.adapters._table_words import Meaning, plain
from mammo.intake.rejections import Code
from mammo.records import ImageRecord

PLACEHOLDERS = {
    *("anonymous", "anonymized", "anonymised", "anon", "anonym", "unknown", "none", "na", "removed", "deidentified"),
    *("noname", "nopatient", "patient", "test", "xxx", "x", "0", "00", "000", "0000", "unnamed", "hidden", "redacted"),
}
"""Patient IDs that stand for no patient, in lower case without spaces and punctuation."""

REMEDY = "give patient and exam in images.csv"

MOST_WORDS = 10
"""Words of each meaning that a note lists, the commonest first."""

MOST_ROWS = 3
"""Rows that a note names."""


def label_notes(rows: Sequence[TableLesion]) -> Iterator[str]:
    """Yield sentences on the label words of rows without errors, and on labels whose source is not stated."""
    words = {meaning: Counter(row.entry.get("label") for row in rows if row.meaning is meaning) for meaning in Meaning}
    read = [f"read as {meaning}: {_listed(found)}" for meaning, found in words.items() if found]
    if read:
        yield "; ".join(read)
    unstated = sum(row.lacks_source for row in rows)
    if unstated:
        yield (
            f"caution: labels without a stated source, kept as unknown: {unstated}; give it for all of them with "
            "data.label_source=biopsy (or breast_level, birads_proxy), or row by row in a column biopsy (yes, no) or "
            "label_source"
        )


def _listed(words: Counter[str]) -> str:
    more = f" and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else ""
    return ", ".join(f"{word} ({number})" for word, number in words.most_common(MOST_WORDS)) + more


def row_notes(absent: Sequence[TableLesion], drawn: Sequence[Drawn], n_repeated: int, n_without: int) -> Iterator[str]:
    """Yield sentences on rows that were left out, changed or counted otherwise than as an outlined lesion.

    Args:
        absent: rows whose image is not in the folder.
        drawn: the outlines.
        n_repeated: rows that repeat another one.
        n_without: findings without an outline.
    """
    if absent:
        rows = ", ".join(f"{row.entry.key} {row.entry.get('image')}".strip() for row in absent[:MOST_ROWS])
        yield f"rows whose image is not in the folder, left out: {len(absent)} (the first: {rows})"
    scaled, clipped = sum(one.scaled for one in drawn), sum(one.clipped for one in drawn)
    if scaled:
        yield f"outlines drawn on images of another size, scaled to the stored images: {scaled}"
    if clipped:
        yield f"caution: outlines that reach beyond their image, clipped: {clipped}; check their coordinates"
    if n_repeated:
        yield f"rows that repeat the outline and label of another row, counted once: {n_repeated}"
    if n_without:
        yield f"findings without an outline, which label their whole images and give no patches: {n_without}"


def identity_notes(images: Sequence[ImageRecord]) -> Iterator[str]:
    """Yield sentences about patient IDs and exams that cannot be right, with numbers and the remedy."""
    exams: dict[str, set[str]] = defaultdict(set)
    patients: dict[str, set[str]] = defaultdict(set)
    n_images: dict[str, int] = defaultdict(int)
    for image in images:
        if image.patient_key and image.exam_key:
            exams[image.patient_key].add(image.exam_key)
            patients[image.exam_key].add(image.patient_key)
            n_images[image.patient_key] += 1
    for patient, of_patient in exams.items():
        placeholder, alone = plain(patient) in PLACEHOLDERS, len(exams) == 1
        if len(of_patient) > 1 and (placeholder or alone):
            kind = "the placeholder of a missing patient ID" if placeholder else "one patient ID"
            yield (
                f"caution: {n_images[patient]} images of {len(of_patient)} exams have {kind}, and will be one patient "
                f"in one split; if they are of several patients, {REMEDY}"
            )
    shared = [len(of_exam) for of_exam in patients.values() if len(of_exam) > 1]
    if shared:
        yield (
            f"caution: exams of more than one patient: {len(shared)}; their {sum(shared)} patients will stay in one "
            f"split; if the exam is wrong, {REMEDY}"
        )
    n_without = sum(image.code == Code.NO_PATIENT for image in images)
    if n_without:
        yield f"caution: files without a patient ID or exam in their header, rejected: {n_without}; {REMEDY}"
