"""Records by key in a few large append-only files, for a million images as for ten.

A folder holds pairs of files, `<stamp>.tiles` with the records one after another and `<stamp>.index` with one entry of
fixed size a record, written after it. Every process that writes starts a pair of its own, so none ever changes what
another wrote, and what an interruption leaves half done lies past the last entry, where nobody reads. A record that is
written again goes to the end; the newest entry of a key counts.
"""

import os
import time
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARD_BYTES = 1 << 32
"""A process starts a new pair of files when its own has reached this size."""

ENTRY = np.dtype([("key", "S32"), ("written", "<u8"), ("offset", "<u8"), ("size", "<u8"), ("head", "<u4")])
"""One entry: key, nanoseconds since 1970, where the record lies, its size and that of its head, in bytes."""

_writing: dict[tuple[Path, int], Path] = {}
"""The index file that each process appends to, by folder and process id."""


class Place(NamedTuple):
    """Where a record lies."""

    shard: Path
    file: int
    offset: int
    size: int
    head: int

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start to stop of the record; fewer where the file ends."""
        return os.pread(self.file, stop - start, self.offset + start)

    def expect(self, start: int, stop: int) -> None:
        """Have the system fetch bytes start to stop of the record while others are being read."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.file, self.offset + start, stop - start, os.POSIX_FADV_WILLNEED)


class Shards:
    """The records of one folder; threads may share it.

    Args:
        folder: where the files are; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._read_until: dict[str, int] = {}
        self._files: dict[str, int] = {}
        self._names: list[str] = []
        self._entries, self._shard_of = np.empty(0, ENTRY), np.empty(0, np.int64)
        self._recent: dict[bytes, tuple[NDArray[np.void], int]] = {}
        self._load()

    def append(self, key: str, record: bytes, head: int) -> None:
        """Keep a record; it counts once its entry is written. The first `head` bytes tell what the others are."""
        index = _writing.get((self.folder, os.getpid()))
        if index is None or not _goes_on(index):
            self.folder.mkdir(parents=True, exist_ok=True)
            index = self.folder / f"{time.time_ns():020d}-{os.getpid()}.index"
            _writing[self.folder, os.getpid()] = index
        with index.with_suffix(".tiles").open("ab") as tiles, index.open("ab") as entries:
            offset = tiles.tell()
            tiles.write(record)
            tiles.flush()
            entry = np.array((key.encode(), time.time_ns(), offset, len(record), head), ENTRY)
            entries.write(entry.tobytes())

    def find(self, key: str) -> Place | None:
        """The newest record of a key, None if there is none or its file is shorter than it says."""
        found = self._look_up(key.encode())
        if found is None:
            with self._lock:
                self._load()
            found = self._look_up(key.encode())
        if found is None:
            return None
        entry, shard = found
        file = self._open(self._names[shard])
        offset, size = int(entry["offset"]), int(entry["size"])
        if file is None or os.fstat(file).st_size < offset + size:
            return None
        return Place(self.folder / f"{self._names[shard]}.tiles", file, offset, size, int(entry["head"]))

    def tidy(self) -> None:
        """Delete the files of which every record has been written again since."""
        with self._lock:
            self._load()
            kept = ~np.isin(self._entries["key"], list(self._recent))
            live = {*self._shard_of[kept].tolist(), *(shard for _, shard in self._recent.values())}
            for shard in set(range(len(self._names))) - live:
                for suffix in (".index", ".tiles"):
                    (self.folder / f"{self._names[shard]}{suffix}").unlink(missing_ok=True)

    def refresh(self) -> None:
        """Take notice of what has been written since, here or by others."""
        with self._lock:
            self._load()

    def _look_up(self, key: bytes) -> tuple[NDArray[np.void], int] | None:
        recent = self._recent.get(key)
        if recent is not None:
            return recent
        row = int(np.searchsorted(self._entries["key"], key))
        if row < len(self._entries) and self._entries["key"][row] == key:
            return self._entries[row], int(self._shard_of[row])
        return None

    def _open(self, name: str) -> int | None:
        if name not in self._files:
            try:
                self._files[name] = os.open(self.folder / f"{name}.tiles", os.O_RDONLY)
            except FileNotFoundError:
                return None
            if hasattr(os, "posix_fadvise"):  # windows lie anywhere: reading ahead would fetch what nobody asked for
                os.posix_fadvise(self._files[name], 0, 0, os.POSIX_FADV_RANDOM)
        return self._files[name]

    def _load(self) -> None:
        """Read the entries that were not read yet; all at first, a few later."""
        parts = [self._new_entries(path) for path in sorted(self.folder.glob("*.index"))]
        rows = np.concatenate([entries for entries, _ in parts]) if parts else np.empty(0, ENTRY)
        shards = np.repeat([shard for _, shard in parts], [len(entries) for entries, _ in parts]).astype(np.int64)
        order = np.argsort(rows["written"], kind="stable")
        if len(self._entries) == 0 and len(rows):
            order = order[np.argsort(rows["key"][order], kind="stable")]
            last = np.append(rows["key"][order][1:] != rows["key"][order][:-1], True)
            self._entries, self._shard_of = rows[order][last], shards[order][last]
        else:
            self._recent.update({rows["key"][row]: (rows[row], int(shards[row])) for row in order})

    def _new_entries(self, path: Path) -> tuple[NDArray[np.void], int]:
        name, start = path.stem, self._read_until.get(path.stem, 0)
        if path.stat().st_size - start < ENTRY.itemsize:
            return np.empty(0, ENTRY), 0
        entries = np.fromfile(path, ENTRY, offset=start)
        self._read_until[name] = start + entries.nbytes
        if name not in self._names:
            self._names.append(name)
        return entries, self._names.index(name)


def _goes_on(index: Path) -> bool:
    """Whether a pair of files takes another record: it is there, not full, and its last entry is whole."""
    if not index.exists() or index.stat().st_size % ENTRY.itemsize:
        return False
    return index.with_suffix(".tiles").stat().st_size < SHARD_BYTES
