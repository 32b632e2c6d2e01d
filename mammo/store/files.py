"""Files of a store: each appears whole or not at all, whatever happens while it is written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from mammo.records import MammoError

PARTIAL = ".partial"


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all; it survives a loss of power once this returns."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Keep a second ingest out of a store.

    Raises:
        MammoError: another one is at work.
    """
    store.mkdir(parents=True, exist_ok=True)
    with (store / ".lock").open("w") as stream:
        try:
            flock(stream, LOCK_EX | LOCK_NB)
        except OSError:
            raise MammoError(f"another ingest is filling {store}: wait for it, or name another store") from None
        yield


def remove_partials(store: Path) -> None:
    """Remove what a killed ingest had begun to write."""
    for path in store.glob(f".*{PARTIAL}"):
        path.unlink()
