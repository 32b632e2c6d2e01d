"""Refusals that an ingest remembers, so that a rerun decodes no file twice that it will refuse again."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from mammo.io import atomic_write

NAME = ".refusals"


@dataclass(frozen=True)
class RefusalLog:
    """The refusals of one store: by image id, what the file was (Recipe.mark) and the code.

    While an ingest runs, lines are added one by one; at its end they are put in the order of the source, so that the
    file does not tell how often the ingest was stopped.
    """

    store: Path

    def read(self) -> dict[str, tuple[str, str]]:
        """Mark and code by image id; a line that a kill cut off is left out."""
        path = self.store / NAME
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return {image_id: (mark, code) for image_id, mark, code in _whole(lines)}

    @contextmanager
    def writing(self) -> "Iterator[RefusalWriter]":
        """Add lines."""
        with (self.store / NAME).open("a", encoding="utf-8") as stream:
            stream.write("\n")  # ends a line that a kill cut off
            yield RefusalWriter(stream)

    def rewrite(self, refusals: Iterable[tuple[str, str, str]]) -> None:
        """Keep these and no others, each (image_id, mark, code)."""
        lines = "".join(json.dumps(refusal) + "\n" for refusal in refusals)
        with atomic_write(self.store / NAME) as log:
            log.write_bytes(lines.encode())


@dataclass(frozen=True)
class RefusalWriter:
    """Adds refusals to an open log."""

    stream: TextIO

    def add(self, image_id: str, mark: str, code: str) -> None:
        """Add one; it is on its way to the disk when this returns."""
        self.stream.write(json.dumps((image_id, mark, code)) + "\n")
        self.stream.flush()


def _whole(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, list) and len(values) == 3:
            yield values
