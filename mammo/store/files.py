"""The folder of a store while it is filled: one ingest at a time, and nothing of an earlier one half written."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from mammo.io import PARTIAL
from mammo.records import MammoError


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
