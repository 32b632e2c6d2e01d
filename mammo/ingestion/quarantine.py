"""The quarantine table: every file that was not plainly accepted, with the reason and the remedy.

It is the only place outside the source that holds a file's own name. A name may be a patient's, so the table stays with
the source.
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
    with atomic_write(store / NAME) as table:
        table.write_bytes(stream.getvalue().encode("utf-8", errors="backslashreplace"))


def _cell(text: str) -> str:
    """A text that neither a spreadsheet runs as a formula nor a terminal as a control sequence."""
    shown = "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else repr(char)[1:-1] for char in text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown
