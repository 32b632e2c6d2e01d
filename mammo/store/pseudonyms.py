"""Pseudonyms of a store, and its local tables, which lead from them back to the user's own file names and lesion ids.

A pseudonym cannot be traced to a patient or a file without the store's own key: a plain hash of a short hospital number
can be guessed, a keyed hash (HMAC-SHA256) cannot. The local tables, quarantine.csv and ids.csv, hold the source's own
names, in one part for each source. They are readable by their owner only and stay behind where a store is shared. No
cell runs as a formula in a spreadsheet, or as a control sequence in a terminal.
"""

import csv
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

from mammo.io import atomic_write
from mammo.limits import TABLE_BYTES, check_size, limited_lines, read_text
from mammo.records import MammoError
from mammo.text import csv_cell, without_apostrophe

KEY = ".key"
"""The file of a store that holds the key of its pseudonyms."""

KEY_BYTES = 1000
"""Largest file of a key."""

LENGTH = 20
"""Hexadecimal digits of a pseudonym: 80 bits, so that a million of them have no collision."""


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms of one store.

    Attributes:
        key: 32 random bytes that never leave the store's folder.
        source: the data set whose names they stand for, empty for names that all sources share.
    """

    key: bytes
    source: str = ""

    @classmethod
    def of_store(cls, store: Path) -> "Pseudonyms":
        """Return a store's pseudonyms; its key is created on first use, readable by its owner only.

        Raises:
            MammoError: the key is damaged or not a file.
        """
        path = store / KEY
        if not path.is_file():
            cls(secrets.token_bytes(32)).write_key(store)
        try:
            return cls(bytes.fromhex(read_text(path, KEY_BYTES)))
        except (OSError, ValueError) as error:
            raise MammoError(
                f"{path} is not a key of pseudonyms ({error}): restore it from a copy, or give another root="
            ) from None

    def write_key(self, store: Path) -> None:
        """Write the key to a store that has none; of several processes that try, the first one wins."""
        store.mkdir(parents=True, exist_ok=True)
        partial = store / f"{KEY}.{secrets.token_hex(4)}.partial"
        partial.touch(mode=0o600)
        partial.write_text(self.key.hex())
        try:
            os.link(partial, store / KEY)
        except FileExistsError:
            pass
        finally:
            partial.unlink()

    def of_source(self, source: str) -> "Pseudonyms":
        """Return the pseudonyms of one source of the store: two sources may number their patients alike."""
        return replace(self, source=source)

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name of one kind ("patient", "exam", "image", "lesion", "uid")."""
        text = f"{kind}\0{self.source}\0{name}" if self.source else f"{kind}\0{name}"
        return hmac.new(self.key, text.encode(errors="surrogateescape"), "sha256").hexdigest()[:LENGTH]


@dataclass(frozen=True)
class LocalTable:
    """One kind of local table.

    Attributes:
        name: of the file in the store folder.
        columns: its columns, by name what a value is; one of them is source.
    """

    name: str
    columns: Mapping[str, str]

    def write(self, store: Path, source: str, rows: Iterable[Sequence[str]], sources: Sequence[str]) -> None:
        """Replace the rows of one source.

        Args:
            store: the store folder.
            source: the source.
            rows: its rows, in the order of the columns.
            sources: the store's sources in order, this one among them; rows of any other source are dropped.
        """
        stream, at = StringIO(newline=""), list(self.columns).index("source")
        parts: dict[str, list[Sequence[str]]] = {name: [] for name in sources}
        for row in self._cells(store):
            if row[at] in parts and row[at] != source:
                parts[row[at]].append(row)
        parts[source] = [[csv_cell(cell) for cell in row] for row in rows]
        writer = csv.writer(stream)
        writer.writerow(self.columns)
        for part in parts.values():
            writer.writerows(part)
        with atomic_write(store / self.name) as table:
            table.touch(mode=0o600)
            table.write_bytes(stream.getvalue().encode("utf-8"))

    def read(self, store: Path) -> list[dict[str, str]]:
        """The rows by column, without the apostrophes that keep cells from running; empty without the file."""
        return [dict(zip(self.columns, map(without_apostrophe, row), strict=True)) for row in self._cells(store)]

    def _cells(self, store: Path) -> list[list[str]]:
        """The rows as they are in the file; empty without it, or where it is not such a table."""
        try:
            check_size(store / self.name, TABLE_BYTES)
            with (store / self.name).open(encoding="utf-8", errors="replace", newline="") as stream:
                header, *rows = csv.reader(limited_lines(stream))
        except (OSError, ValueError, csv.Error):
            return []
        return [row for row in rows if len(row) == len(self.columns)] if header == list(self.columns) else []


OWN_IDS = LocalTable(
    "ids.csv",
    {
        "kind": "image or lesion",
        "id": "the pseudonym: image_id or lesion_id of the other tables",
        "source": "name of the data set",
        "source_path": "the image's file, relative to the source folder",
        "source_id": "your own id of a lesion; empty for an image",
    },
)


@dataclass(frozen=True)
class OwnId:
    """The user's own name of an image or a lesion.

    Attributes:
        source: the data set's name.
        path: the image's file, relative to the source folder.
        id: the lesion's own id, empty for an image.
    """

    source: str
    path: str
    id: str

    def __str__(self) -> str:
        """Return path and id as one text."""
        return f"{self.path} ({self.id})" if self.id else self.path


def read_own_ids(store: Path) -> dict[str, OwnId]:
    """The own names by pseudonym, of images and lesions.

    Raises:
        MammoError: the store has no ids.csv: it stays behind where a store is shared.
    """
    if not (store / OWN_IDS.name).is_file():
        raise MammoError(
            f"{store / OWN_IDS.name} is missing, which holds your own names and ids: leave own ids out, or ingest the "
            "images again with python -m mammo.ingest"
        )
    return {row["id"]: OwnId(row["source"], row["source_path"], row["source_id"]) for row in OWN_IDS.read(store)}


def find_own_ids(files: Sequence[Path], store: Path | None = None) -> dict[str, OwnId]:
    """The own names for files that belong to a store, such as the score tables of its runs.

    Args:
        files: the files.
        store: the store folder, or the root above it; None to search for `store` beside or above each file.

    Raises:
        MammoError: no store is found, or it has no ids.csv.
    """
    if store is not None:
        return read_own_ids(store / "store" if (store / "store").is_dir() else store)
    folders = [parent / "store" for file in files for parent in file.resolve().parents]
    found = [folder for folder in dict.fromkeys(folders) if (folder / OWN_IDS.name).is_file()]
    if not found:
        raise MammoError(f"no store with {OWN_IDS.name} lies beside or above {files[0]}: name it with --store FOLDER")
    return {key: own for folder in reversed(found) for key, own in read_own_ids(folder).items()}


def shown_id(key: str, own: Mapping[str, OwnId]) -> str:
    """A pseudonym with the own name that it stands for, where that is known."""
    return f"{key} = {own[key]}" if key in own else key
