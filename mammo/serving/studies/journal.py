"""The journal of a study: a file to which lines are appended, each of which is on the disk before it counts.

Each line ends with a check of itself and of all lines before it, so that a changed, missing or foreign one is found. A
line without its line feed, which a killed process left half written at the end, was never confirmed: it is removed when
the journal is opened. A whole line that is not what was written is damage, also at the end: nothing is removed.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from mammo.io import errors_about, sync
from mammo.limits import parse_json
from mammo.records import MammoError

Entry = Mapping[str, Any]

CHECK, DIGITS = "check", 16
"""Key of an object's check, and the hexadecimal digits that it has of a SHA-256."""


class Journal:
    """An opened journal; one process at a time may have it open.

    Args:
        path: the file.
        descriptor: of the file, opened for reading and writing.

    Attributes:
        entries: all lines so far, as JSON objects.
        torn: bytes of an unfinished line that were removed from the end.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        content = _content(descriptor)
        self._size = content.rfind(b"\n") + 1
        self.entries, self._check = _entries(path, content[: self._size])
        self.torn = len(content) - self._size
        if self.torn:
            os.ftruncate(descriptor, self._size)
            os.fsync(descriptor)

    def append(self, entry: Entry, durable: bool = True) -> None:
        """Append a line; an error leaves the journal as it was.

        Args:
            entry: a JSON object.
            durable: whether the line survives a loss of power once this returns; else only the death of this process.

        Raises:
            OSError: the disk is full or fails; the file is named.
        """
        check = check_of(self._check, entry)
        line = (json.dumps({**entry, CHECK: check}, allow_nan=False) + "\n").encode()
        with errors_about(self.path):
            try:
                _write(self._descriptor, line, self._size)
                if durable:
                    os.fsync(self._descriptor)
            except OSError:
                os.ftruncate(self._descriptor, self._size)
                raise
        self._size += len(line)
        self._check = check
        self.entries.append(entry)


def begin_journal(path: Path) -> None:
    """Make an empty journal, readable by its owner only; it is on the disk when this returns. One that exists stays."""
    with errors_about(path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync(path.parent)


@contextmanager
def opened_journal(path: Path) -> Iterator[Journal]:
    """Open a journal within the block.

    Raises:
        MammoError: there is none, or a whole line is damaged.
    """
    _check_exists(path)
    with errors_about(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield Journal(path, descriptor)
    finally:
        os.close(descriptor)


def read_journal(path: Path) -> list[Entry]:
    """The whole lines of a journal, also while another process appends to it.

    Raises:
        MammoError: as opened_journal.
    """
    _check_exists(path)
    content = path.read_bytes()
    return _entries(path, content[: content.rfind(b"\n") + 1])[0]


def _check_exists(path: Path) -> None:
    if not path.exists():
        raise MammoError(f"{path} is missing, which holds the answers of the study: restore it from a backup")


def _content(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _entries(path: Path, content: bytes) -> tuple[list[Entry], str]:
    """The objects of whole lines, and the check of the last; MammoError that names the first damaged line."""
    found: list[Entry] = []
    check = ""
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        entry = _parsed(line)
        own = None if entry is None else entry.pop(CHECK, None)
        if entry is None or own != check_of(check, entry):
            raise MammoError(f"{path}, line {number} is damaged: restore the file from a backup")
        found.append(entry)
        check = own
    return found, check


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The JSON object of a line; None where it is not one."""
    try:
        entry = parse_json(line.decode())
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def check_of(before: str, entry: Entry) -> str:
    """The check of a JSON object that follows another one with the check `before`, which is empty for the first."""
    return sha256(f"{before}\n{json.dumps(entry)}".encode()).hexdigest()[:DIGITS]


def _write(descriptor: int, line: bytes, place: int) -> None:
    while line:
        n = os.pwrite(descriptor, line, place)
        line, place = line[n:], place + n
