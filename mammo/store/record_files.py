"""Append-only record files: records by key in a few large files, for ten images or a million.

A folder holds pairs of files: `<number>.tiles` with the records one after another, and `<number>.index` with one entry
of fixed size for each record, written after it. One process writes at a time. What an interrupted writer leaves lies
past the last entry, where it is never read, and the next writer cuts it off. A record that is written again goes to the
end; the newest entry of a key counts. An open folder notices when its files are deleted and rewritten.

Entries of a file follow from each other: numbers count up, and each record begins where the one before it ends. A
changed number, offset or size is thereby detected; a changed key or head shows when its record is read.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mammo.io import make_folder
from mammo.records import MammoError

FILE_BYTES = 1 << 32
"""Size at which a new pair of files is started."""

ENTRY = np.dtype([("key", "S32"), ("number", "<u8"), ("offset", "<u8"), ("size", "<u8"), ("head", "<u4")])
"""One entry: key, number of records written before, and the record's offset, size and size of its head, in bytes."""


class StoredRecord(NamedTuple):
    """A record in its file: the file's path and open descriptor; the record's offset, size and head's size in bytes."""

    path: Path
    file: int
    offset: int
    size: int
    head: int

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start to stop of the record; fewer where the file ends."""
        return os.pread(self.file, stop - start, self.offset + start)

    @property
    def deleted(self) -> bool:
        """Whether the record's file was deleted; its bytes can still be read."""
        return os.fstat(self.file).st_nlink == 0

    def prefetch(self, start: int, stop: int) -> None:
        """Ask the system to load bytes start to stop of the record in the background, unless they are in its cache."""
        if hasattr(os, "posix_fadvise") and not self._is_cached(start):
            os.posix_fadvise(self.file, self.offset + start, stop - start, os.POSIX_FADV_WILLNEED)

    def _is_cached(self, start: int) -> bool:
        """Whether a byte of the record is in the system's cache: this takes a fifth of the time of a prefetch."""
        try:
            return os.preadv(self.file, [bytearray(1)], self.offset + start, os.RWF_NOWAIT) == 1
        except (AttributeError, OSError):  # another system, a file system without RWF_NOWAIT, or not cached
            return False


class RecordFiles:
    """The records of one folder; threads may share it.

    Args:
        folder: holds the files; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._reset()
        self._load()

    def _reset(self) -> None:
        """Forget all entries. Files stay open: another thread may be reading them."""
        self._last_read: dict[str, tuple[int, bytes]] = {}
        self._files: dict[str, int] = {}
        self._names: list[str] = []
        self._entries, self._file_of = np.empty(0, ENTRY), np.empty(0, np.int64)
        self._end: _End | None = None
        self._replacing = False
        self._recent: dict[bytes, tuple[NDArray[np.void], int]] = {}

    def append(self, key: str, record: bytes, head: int) -> None:
        """Add a record whose head has this size in bytes; it counts once its entry is written.

        One process writes at a time. The same records in the same order give the same files, even if a writer was
        interrupted and another one continued.
        """
        end = self._end
        if end is None or not end.is_current():
            self.refresh()
            end = self._end = _last_end(self.folder)
        replaces = self._look_up(key.encode()) is not None
        outdated = replaces and not self._replacing and end.offset > 0  # a file of replaced records is deleted whole
        if end.offset >= FILE_BYTES or outdated:
            end = self._end = _End(end.index.with_name(f"{int(end.index.stem) + 1:06d}.index"), 0, 0, end.number)
        self._replacing |= replaces
        end.append(key, record, head)

    def find(self, key: str) -> StoredRecord | None:
        """The newest record of a key, None if there is none or its file is too short for it.

        Raises:
            MammoError: the entries of a file do not follow from each other.
        """
        record = self._record(key.encode())
        if record is None or record.deleted:
            self.refresh()
            record = self._record(key.encode())
        return record

    def cut_file(self, key: str) -> Path | None:
        """The file that should hold the newest record of a key but is too short for it; None if none should."""
        found = self._look_up(key.encode())
        return None if found is None else self.folder / f"{self._names[found[1]]}.tiles"

    def records(self) -> Iterator[tuple[str, StoredRecord]]:
        """Yield key and record of every entry, replaced ones included, in the order of their files."""
        for index in sorted(self.folder.glob("*.index")):
            file = self._open(index.stem)
            if file is None:
                continue
            for key, _, offset, size, head in np.fromfile(index, ENTRY).tolist():
                yield key.decode(errors="replace"), StoredRecord(index.with_suffix(".tiles"), file, offset, size, head)

    def remove_replaced(self, wanted: Collection[str] | None = None) -> None:
        """Delete the files in which no record counts: each is replaced by a newer one, or not among the wanted keys."""
        with self._lock:
            self._load()
            kept = ~np.isin(self._entries["key"], list(self._recent))
            recent = self._recent
            if wanted is not None:
                keys = {key.encode() for key in wanted}
                kept &= np.isin(self._entries["key"], list(keys))
                recent = {key: entry for key, entry in recent.items() if key in keys}
            used = {*self._file_of[kept].tolist(), *(file for _, file in recent.values())}
            kept_names = {self._names[file] for file in used}
            for index in self.folder.glob("*.index"):
                if index.stem not in kept_names:
                    index.unlink()
                    index.with_suffix(".tiles").unlink(missing_ok=True)

    def refresh(self) -> None:
        """Read the entries that were written since, here or by other processes."""
        with self._lock:
            self._load()

    def _record(self, key: bytes) -> StoredRecord | None:
        found = self._look_up(key)
        if found is None:
            return None
        entry, number = found
        file = self._open(self._names[number])
        offset, size = int(entry["offset"]), int(entry["size"])
        if file is None or os.fstat(file).st_size < offset + size:
            return None
        return StoredRecord(self.folder / f"{self._names[number]}.tiles", file, offset, size, int(entry["head"]))

    def _look_up(self, key: bytes) -> tuple[NDArray[np.void], int] | None:
        """The newest entry of a key, and the number of its pair of files."""
        recent = self._recent.get(key)
        if recent is not None:
            return recent
        row = int(np.searchsorted(self._entries["key"], key))
        if row < len(self._entries) and self._entries["key"][row] == key:
            return self._entries[row], int(self._file_of[row])
        return None

    def _open(self, name: str) -> int | None:
        if name not in self._files:
            path = self.folder / f"{name}.tiles"
            if not path.is_file():  # a pipe would wait
                return None
            self._files[name] = os.open(path, os.O_RDONLY)
            if hasattr(os, "posix_fadvise"):  # windows are read at random: reading ahead would be wasted
                os.posix_fadvise(self._files[name], 0, 0, os.POSIX_FADV_RANDOM)
        return self._files[name]

    def _load(self) -> None:
        """Read the entries that were not read yet: all at first, a few later, all again where files were deleted."""
        if self._names and (any(os.fstat(file).st_nlink == 0 for file in self._files.values()) or not self._grown()):
            self._reset()
        parts = [self._new_entries(path) for path in sorted(self.folder.glob("*.index"))]
        rows = np.concatenate([entries for entries, _ in parts]) if parts else np.empty(0, ENTRY)
        files = np.repeat([file for _, file in parts], [len(entries) for entries, _ in parts]).astype(np.int64)
        order = np.argsort(rows["number"], kind="stable")
        if len(self._entries) == 0 and len(rows):
            order = order[np.argsort(rows["key"][order], kind="stable")]
            last = np.append(rows["key"][order][1:] != rows["key"][order][:-1], True)
            self._entries, self._file_of = rows[order][last], files[order][last]
        else:
            self._recent.update({rows["key"][row]: (rows[row], int(files[row])) for row in order})

    def _new_entries(self, path: Path) -> tuple[NDArray[np.void], int]:
        """The entries of an index file that were not read yet, and the number of its pair of files."""
        name, (start, last) = path.stem, self._last_read.get(path.stem, (0, b""))
        if path.stat().st_size - start < ENTRY.itemsize:
            return np.empty(0, ENTRY), 0
        entries = np.fromfile(path, ENTRY, offset=start)
        _check_follow(last, entries, path)
        self._last_read[name] = (start + entries.nbytes, entries[-1].tobytes())
        if name not in self._names:
            self._names.append(name)
        return entries, self._names.index(name)

    def _grown(self) -> bool:
        """Whether the newest index that was read still exists, unchanged or with more entries."""
        stop, last = self._last_read[self._names[-1]]
        try:
            with (self.folder / f"{self._names[-1]}.index").open("rb") as index:
                index.seek(stop - len(last))
                return index.read(len(last)) == last
        except FileNotFoundError:
            return False


def _check_follow(last: bytes, entries: NDArray[np.void], path: Path) -> None:
    """Check that entries [N] of one file follow from each other and from the last one that was read, as bytes.

    Raises:
        MammoError: one was changed.
    """
    rows = np.concatenate([np.frombuffer(last, ENTRY), entries])
    ends = rows["offset"] + rows["size"]
    follow = (rows["offset"][1:] == ends[:-1]) & (rows["number"][1:] == rows["number"][:-1] + np.uint64(1))
    if not follow.all() or (not last and rows["offset"][0] != 0):
        raise MammoError(
            f"{path} is damaged (its entries do not follow from each other): delete it and run python -m mammo.ingest "
            "again, which reads the images of that file again"
        )


@dataclass
class _End:
    """The end of the last pair of files, where the next record goes.

    Attributes:
        index: the pair's index file.
        entries: bytes of the index file.
        offset: bytes of the file of records.
        number: records written before, in all pairs.
    """

    index: Path
    entries: int
    offset: int
    number: int

    @property
    def tiles(self) -> Path:
        """The pair's file of records."""
        return self.index.with_suffix(".tiles")

    def is_current(self) -> bool:
        """Whether both files still have the size recorded here."""
        sizes = [path.stat().st_size if path.exists() else 0 for path in (self.index, self.tiles)]
        return sizes == [self.entries, self.offset]

    def append(self, key: str, record: bytes, head: int) -> None:
        """Write a record, then its entry."""
        mode = "ab" if self.offset else "wb"  # records whose index was lost are overwritten
        with self.tiles.open(mode) as tiles, self.index.open("ab") as entries:
            tiles.write(record)
            tiles.flush()
            entries.write(np.array((key.encode(), self.number, self.offset, len(record), head), ENTRY).tobytes())
        self.entries, self.offset = self.entries + ENTRY.itemsize, self.offset + len(record)
        self.number += 1


def _last_end(folder: Path) -> _End:
    """The end of the last pair, after cutting off an interrupted record; of a new pair where the last is damaged."""
    make_folder(folder)
    indices = sorted(folder.glob("*.index"))
    found = [np.fromfile(index, ENTRY) for index in indices]
    number = 1 + max((int(entries["number"][-1]) for entries in found if len(entries)), default=-1)
    if not indices:
        return _End(folder / "000000.index", 0, 0, number)
    last = found[-1][-1] if len(found[-1]) else None
    end = _End(indices[-1], found[-1].nbytes, 0 if last is None else int(last["offset"] + last["size"]), number)
    if not end.tiles.exists() or end.tiles.stat().st_size < end.offset:
        return _End(folder / f"{int(indices[-1].stem) + 1:06d}.index", 0, 0, number)
    os.truncate(end.index, end.entries)
    os.truncate(end.tiles, end.offset)
    return end
