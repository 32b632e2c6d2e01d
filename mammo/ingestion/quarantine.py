"""The quarantine table, and the log of rejections that spares a rerun from decoding rejected files again.

The table lists every file that was not plainly accepted, with reason and remedy. A file's own name may be a patient's:
outside the source, only this table and ids.csv hold it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mammo.intake.outcomes import Outcome, Verdict
from mammo.intake.rejections import Code
from mammo.io import atomic_write
from mammo.limits import TABLE_BYTES, read_text
from mammo.records import LeftOut, MammoError
from mammo.store.pseudonyms import LocalTable

QUARANTINE = LocalTable(
    "quarantine.csv",
    {
        "path": "the file, relative to the source folder; of an outline left out, its file or that of its image",
        "outcome": "accepted with flags, rejected, duplicate, not an image, or outline left out",
        "code": "the rejection code, or the flags joined by +; of a plain duplicate none",
        "reason": "why, in one sentence",
        "remedy": "what you can do",
        "image_id": "pseudonym of the image; empty for an outline that is left out",
        "kept": "of a duplicate, the path of the image that is kept",
        "source": "name of the data set",
    },
)


def write_quarantine(
    store: Path, source: str, outcomes: Iterable[Outcome], left_out: Iterable[LeftOut], sources: Sequence[str]
) -> None:
    """Write one source's part of the table: flagged, rejected and duplicate files in order, then lesions left out.

    Args:
        store: the store folder.
        source: the source.
        outcomes: of every file of it.
        left_out: lesions of it whose outline cannot be used.
        sources: of the store, in order.
    """
    rows = [
        (
            *(outcome.path, outcome.verdict.value, "+".join(outcome.codes), outcome.reason, outcome.remedy),
            *(outcome.image_id, outcome.kept, source),
        )
        for outcome in outcomes
        if outcome.verdict is not Verdict.ACCEPTED
    ]
    rows += [
        (lesion.path, "outline left out", lesion.code, lesion.reason, Code(lesion.code).remedy, "", "", source)
        for lesion in left_out
    ]
    QUARANTINE.write(store, source, rows, sources)


REJECTION_LOG = ".rejections"


@dataclass(frozen=True)
class RejectionLog:
    """The rejections of one store: by image id, the file's input digest (Recipe.input_digest) and the code.

    A running ingest adds lines one by one. At its end they are put in the order of the source, so that the file does
    not depend on interruptions of the ingest.
    """

    store: Path

    def read(self) -> dict[str, tuple[str, str]]:
        """Input digest and code by image id; a line that was cut off or damaged is skipped, and its file read again.

        Raises:
            MammoError: the log is not such a file.
        """
        path = self.store / REJECTION_LOG
        try:
            lines = read_text(path, TABLE_BYTES).splitlines() if path.exists() else []
        except ValueError as error:
            raise MammoError(f"{path} cannot be read ({error}): remove it, and these files are read again") from None
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
            log.write_bytes((lines or "\n").encode())


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
        is_text = isinstance(values, list) and all(isinstance(value, str) for value in values)
        if is_text and len(values) == 3 and values[2] in tuple(Code):
            yield values
