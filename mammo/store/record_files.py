"""Records by key in a few large append-only files, for a million images as for ten.

A folder holds pairs of files, `<number>.tiles` with the records one after another and `<number>.index` with one entry
of fixed size a record, written after it. One process writes at a time; what an interruption leaves half done lies past
the last entry, where nobody reads, and the next writer cuts it off. A record that is written again goes to the end; the
newest entry of a key counts. Whoever has a folder open notices when its files are deleted and written anew.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARD_BYTES = 1 << 32
"""A new pair of files begins when the last has reached this size."""

ENTRY = np.dtype([("key", "S32"), ("number", "<u8"), ("offset", "<u8"), ("size", "<u8"), ("head", "<u4")])
"""One entry: key, how many records were written before, where the record lies, its size and its head's, in bytes."""


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

    @property
    def deleted(self) -> bool:
        """Whether the record's file is there no more; its bytes can still be read."""
        return os.fstat(self.file).st_nlink == 0

    def expect(self, start: int, stop: int) -> None:
        """Have the system fetch bytes start to stop of the record, unless it has them, while others are being read."""
        if hasattr(os, "posix_fadvise") and not self._at_hand(start):
            os.posix_fadvise(self.file, self.offset + start, stop - start, os.POSIX_FADV_WILLNEED)

    def _at_hand(self, start: int) -> bool:
        """Whether a byte of the record is in the system's cache: asking that costs a fifth of asking to fetch it."""
        try:
            return os.preadv(self.file, [bytearray(1)], self.offset + start, os.RWF_NOWAIT) == 1
        except (AttributeError, OSError):  # another system, a file system that cannot tell, or a page on the disk
            return False


class Shards:
    """The records of one folder; threads may share it.

    Args:
        folder: where the files are; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._forget()
        self._load()

    def _forget(self) -> None:
        """Know nothing. Files stay open: another thread may be reading."""
        self._last_read: dict[str, tuple[int, bytes]] = {}
        self._files: dict[str, int] = {}
        self._names: list[str] = []
        self._entries, self._shard_of = np.empty(0, ENTRY), np.empty(0, np.int64)
        self._end: _End | None = None
        self._replacing = False
        self._recent: dict[bytes, tuple[NDArray[np.void], int]] = {}

    def append(self, key: str, record: bytes, head: int) -> None:
        """Keep a record; it counts once its entry is written. The first `head` bytes tell what the others are.

        One process writes at a time. The same records in the same order make the same files, wherever a writer was
        stopped and the next one went on.
        """
        end = self._end
        if end is None or not end.holds():
            self.refresh()
            end = self._end = _last_end(self.folder)
        replaces = self._look_up(key.encode()) is not None
        if end.offset >= SHARD_BYTES or (replaces and not self._replacing):  # files of dead records can go as a whole
            end = self._end = _End(end.index.with_name(f"{int(end.index.stem) + 1:06d}.index"), 0, 0, end.number)
        self._replacing |= replaces
        end.append(key, record, head)

    def find(self, key: str) -> Place | None:
        """The newest record of a key, None if there is none or its file is shorter than it says."""
        place = self._place(key.encode())
        if place is None or place.deleted:
            self.refresh()
            place = self._place(key.encode())
        return place

    def places(self) -> Iterator[tuple[str, Place]]:
        """Key and place of every record, those that were written again included, in the order of their files."""
        for index in sorted(self.folder.glob("*.index")):
            file = self._open(index.stem)
            if file is None:
                continue
            for key, _, offset, size, head in np.fromfile(index, ENTRY).tolist():
                yield key.decode(), Place(index.with_suffix(".tiles"), file, offset, size, head)

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

    def _place(self, key: bytes) -> Place | None:
        found = self._look_up(key)
        if found is None:
            return None
        entry, shard = found
        file = self._open(self._names[shard])
        offset, size = int(entry["offset"]), int(entry["size"])
        if file is None or os.fstat(file).st_size < offset + size:
            return None
        return Place(self.folder / f"{self._names[shard]}.tiles", file, offset, size, int(entry["head"]))

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
        """Read the entries that were not read yet; all at first, a few later, all where files were deleted since."""
        if self._names and (any(os.fstat(file).st_nlink == 0 for file in self._files.values()) or not self._grown()):
            self._forget()
        parts = [self._new_entries(path) for path in sorted(self.folder.glob("*.index"))]
        rows = np.concatenate([entries for entries, _ in parts]) if parts else np.empty(0, ENTRY)
        shards = np.repeat([shard for _, shard in parts], [len(entries) for entries, _ in parts]).astype(np.int64)
        order = np.argsort(rows["number"], kind="stable")
        if len(self._entries) == 0 and len(rows):
            order = order[np.argsort(rows["key"][order], kind="stable")]
            last = np.append(rows["key"][order][1:] != rows["key"][order][:-1], True)
            self._entries, self._shard_of = rows[order][last], shards[order][last]
        else:
            self._recent.update({rows["key"][row]: (rows[row], int(shards[row])) for row in order})

    def _new_entries(self, path: Path) -> tuple[NDArray[np.void], int]:
        name, (start, _) = path.stem, self._last_read.get(path.stem, (0, b""))
        if path.stat().st_size - start < ENTRY.itemsize:
            return np.empty(0, ENTRY), 0
        entries = np.fromfile(path, ENTRY, offset=start)
        self._last_read[name] = (start + entries.nbytes, entries[-1].tobytes())
        if name not in self._names:
            self._names.append(name)
        return entries, self._names.index(name)

    def _grown(self) -> bool:
        """Whether the newest index that was read is still there, as it was or with more entries."""
        stop, last = self._last_read[self._names[-1]]
        try:
            with (self.folder / f"{self._names[-1]}.index").open("rb") as index:
                index.seek(stop - len(last))
                return index.read(len(last)) == last
        except FileNotFoundError:
            return False


@dataclass
class _End:
    """Where the next record goes: the last pair of files and what they hold.

    Attributes:
        index: the pair's index file.
        entries: bytes of it.
        offset: bytes of the other file.
        number: how many records were written before, in all pairs.
    """

    index: Path
    entries: int
    offset: int
    number: int

    @property
    def tiles(self) -> Path:
        """The pair's file of records."""
        return self.index.with_suffix(".tiles")

    def holds(self) -> bool:
        """Whether the files end where this says."""
        sizes = [path.stat().st_size if path.exists() else 0 for path in (self.index, self.tiles)]
        return sizes == [self.entries, self.offset]

    def append(self, key: str, record: bytes, head: int) -> None:
        """Write a record, then its entry."""
        with self.tiles.open("ab") as tiles, self.index.open("ab") as entries:
            tiles.write(record)
            tiles.flush()
            entries.write(np.array((key.encode(), self.number, self.offset, len(record), head), ENTRY).tobytes())
        self.entries, self.offset = self.entries + ENTRY.itemsize, self.offset + len(record)
        self.number += 1


def _last_end(folder: Path) -> _End:
    """The end of the last pair, what an interruption left half written cut off; of a new pair where it is damaged."""
    folder.mkdir(parents=True, exist_ok=True)
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
