"""The quarantine table: every file that was not plainly accepted, why, and the way out.

It is the only place outside of the source where a file's own name stands, because a name may be a patient's: the table
stays with whoever has the source.
"""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

from mammo.intake.outcomes import Outcome, Verdict
from mammo.intake.rejections import Code
from mammo.io import atomic_write
from mammo.records import LeftOut

NAME = "quarantine.csv"
COLUMNS = ("path", "outcome", "code", "reason", "way_out", "image_id", "kept")

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the start of a cell."""


def write_quarantine(store: Path, outcomes: Iterable[Outcome], left_out: Iterable[LeftOut]) -> None:
    """Write the table: files that were flagged, refused or duplicates, in the source's order, then lesions left out.

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
            codes = "+".join(outcome.codes)
            cells = (
                outcome.path,
                outcome.verdict.value,
                codes,
                outcome.reason,
                outcome.remedy,
                outcome.image_id,
                outcome.kept,
            )
            writer.writerow([_cell(cell) for cell in cells])
    for lesion in left_out:
        told = (lesion.code, lesion.reason, Code(lesion.code).remedy)
        writer.writerow([_cell(cell) for cell in (lesion.path, "outline left out", *told, "", "")])
    with atomic_write(store / NAME) as table:
        table.write_bytes(stream.getvalue().encode("utf-8", errors="backslashreplace"))


def _cell(text: str) -> str:
    """A text that no spreadsheet runs and no terminal obeys."""
    shown = "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else repr(char)[1:-1] for char in text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown
