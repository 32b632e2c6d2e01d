"""One process at a time, by a lock that the kernel takes back when its holder ends, however it ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mammo.records import MammoError

A_LOOK_S = 0.1
"""Longer than a look whether the lock is held takes."""


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file at path; wait, and say so, while another process holds it.

    Args:
        path: the lock file, made where it is missing and never removed.
        what: what is to be done alone, for the line that tells of waiting.

    Raises:
        MammoError: the file system knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        try:
            if not _taken(file):
                time.sleep(A_LOOK_S)  # it may only be is_held
                if not _taken(file):
                    print(f"{what}: another process is at it, waiting", flush=True)
                    fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise MammoError(
                f"{path}: the file system cannot lock files ({error.strerror}), so that two sweeps could overwrite one "
                "another; put root= on one that can"
            ) from error
        yield


def _taken(file: TextIO) -> bool:
    """Take the lock if nobody holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file at path."""
    if not path.is_file():
        return False
    with path.open("a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False
