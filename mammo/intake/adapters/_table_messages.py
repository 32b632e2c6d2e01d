"""Messages about a user's folder: errors in its tables, and notes on patients and exams to read before a split."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mammo.intake.adapters._table_words import LISTED, plain
from mammo.intake.rejections import Code
from mammo.records import ImageRecord, MammoError

PLACEHOLDERS = {
    *("anonymous", "anonymized", "anonymised", "anon", "anonym", "unknown", "none", "na", "removed", "deidentified"),
    *("noname", "nopatient", "patient", "test", "xxx", "x", "0", "00", "000", "0000", "unnamed", "hidden", "redacted"),
}
"""Patient IDs that stand for no patient, in lower case without spaces and punctuation."""

REMEDY = "give patient and exam in images.csv"


class Problems:
    """Errors in the rows of tables found so far, collected so that all of them are listed at once."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        """Note one error, once."""
        if message not in self.messages:
            self.messages.append(message)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Note a MammoError that the block raises, and continue after the block."""
        try:
            yield
        except MammoError as error:
            self.add(str(error))

    def check(self) -> None:
        """Raise the errors found so far, the first LISTED of them in words.

        Raises:
            MammoError: there are any.
        """
        if not self.messages:
            return
        if len(self.messages) == 1:
            raise MammoError(self.messages[0])
        lines = [f"{len(self.messages)} rows are wrong:", *self.messages[:LISTED]]
        if len(self.messages) > LISTED:
            lines.append(f"and {len(self.messages) - LISTED} more")
        raise MammoError("\n  ".join(lines))


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
