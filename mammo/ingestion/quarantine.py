"""The quarantine table, and the log of rejections that spares a rerun from decoding rejected files again.

The table lists every file that was not plainly accepted, with reason and remedy. It is the only place outside the
source that holds a file's own name, which may be a patient's.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TextIO

from mammo.intake.outcomes import Outcome, Verdict
from mammo.intake.rejections import Code
from mammo.io import atomic_write
from mammo.records import LeftOut

QUARANTINE = "quarantine.csv"
COLUMNS = ("path", "outcome", "code", "reason", "remedy", "image_id", "kept")

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters at the start of a cell that make a spreadsheet run it as a formula."""


def write_quarantine(store: Path, outcomes: Iterable[Outcome], left_out: Iterable[LeftOut]) -> None:
    """Write the table: flagged, rejected and duplicate files in the source's order, then lesions left out.

    Args:
        store: the store folder.
        outcomes: of every file.
        left_out: lesions whose outline cannot be used.
    """
    stream = StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for outcome in outcomes:
        if outcome.verdict is not Verdict.ACCEPTED:
            codes, why = "+".join(outcome.codes), (outcome.reason, outcome.remedy)
            cells = (outcome.path, outcome.verdict.value, codes, *why, outcome.image_id, outcome.kept)
            writer.writerow([_cell(cell) for cell in cells])
    for lesion in left_out:
        why = (lesion.reason, Code(lesion.code).remedy)
        writer.writerow([_cell(cell) for cell in (lesion.path, "outline left out", lesion.code, *why, "", "")])
    with atomic_write(store / QUARANTINE) as table:
        table.write_bytes(stream.getvalue().encode("utf-8", errors="backslashreplace"))


def _cell(text: str) -> str:
    """A text that neither a spreadsheet runs as a formula nor a terminal as a control sequence."""
    shown = "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else repr(char)[1:-1] for char in text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


REJECTION_LOG = ".rejections"


@dataclass(frozen=True)
class RejectionLog:
    """The rejections of one store: by image id, the file's input digest (Recipe.input_digest) and the code.

    A running ingest adds lines one by one. At its end they are put in the order of the source, so that the file does
    not depend on interruptions of the ingest.
    """

    store: Path

    def read(self) -> dict[str, tuple[str, str]]:
        """Input digest and code by image id; a line that an interruption cut off is skipped."""
        path = self.store / REJECTION_LOG
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {image_id: (input_digest, code) for image_id, input_digest, code in _complete(lines)}

    @contextmanager
    def writing(self) -> "Iterator[RejectionWriter]":
        """Open the log and yield a writer that adds lines."""
        with (self.store / REJECTION_LOG).open("a", encoding="utf-8") as stream:
            stream.write("\n")  # ends a line that an interruption cut off
            yield RejectionWriter(stream)

    def rewrite(self, rejections: Iterable[tuple[str, str, str]]) -> None:
        """Replace the content by these rejections, each (image_id, input digest, code)."""
        lines = "".join(json.dumps(rejection) + "\n" for rejection in rejections)
        with atomic_write(self.store / REJECTION_LOG) as log:
            log.write_bytes(lines.encode())


@dataclass(frozen=True)
class RejectionWriter:
    """Adds rejections to an open log."""

    stream: TextIO

    def add(self, image_id: str, input_digest: str, code: str) -> None:
        """Add one rejection and flush it to the file."""
        self.stream.write(json.dumps((image_id, input_digest, code)) + "\n")
        self.stream.flush()


def _complete(lines: Iterable[str]) -> Iterator[list[str]]:
    """The three values of each complete line."""
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, list) and len(values) == 3:
            yield values
