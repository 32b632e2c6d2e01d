"""The rejection log: rejections that an ingest remembers, so that a rerun does not decode those files again."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mammo.io import atomic_write

NAME = ".refusals"


@dataclass(frozen=True)
class RejectionLog:
    """The rejections of one store: by image id, the file's input digest (Recipe.input_digest) and the code.

    A running ingest adds lines one by one. At its end they are put in the order of the source, so that the file does
    not depend on interruptions of the ingest.
    """

    store: Path

    def read(self) -> dict[str, tuple[str, str]]:
        """Input digest and code by image id; a line that an interruption cut off is skipped."""
        path = self.store / NAME
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {image_id: (input_digest, code) for image_id, input_digest, code in _complete(lines)}

    @contextmanager
    def writing(self) -> "Iterator[RejectionWriter]":
        """Open the log and yield a writer that adds lines."""
        with (self.store / NAME).open("a", encoding="utf-8") as stream:
            stream.write("\n")  # ends a line that an interruption cut off
            yield RejectionWriter(stream)

    def rewrite(self, rejections: Iterable[tuple[str, str, str]]) -> None:
        """Replace the content by these rejections, each (image_id, input digest, code)."""
        lines = "".join(json.dumps(rejection) + "\n" for rejection in rejections)
        with atomic_write(self.store / NAME) as log:
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
