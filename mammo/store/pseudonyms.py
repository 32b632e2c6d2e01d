"""Pseudonyms of a store, and its local tables, which lead from them back to the user's own file names and lesion ids.

A pseudonym cannot be traced to a patient or a file without the store's own key: a plain hash of a short hospital number
can be guessed, a keyed hash (HMAC-SHA256) cannot. The local tables, quarantine.csv and ids.csv, hold the source's own
names, in one part for each source. They are readable by their owner only and stay behind where a store is shared. No
cell runs as a formula in a spreadsheet, or as a control sequence in a terminal.
"""

import csv
import hmac
import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from io import StringIO
from pathlib import Path

from mammo.io import PARTIAL, atomic_write, make_folder
from mammo.leftovers import locked_file
from mammo.limits import TABLE_BYTES, check_size, limited_lines, read_text
from mammo.records import MammoError
from mammo.store.store_header import damage_of, new_table
from mammo.text import csv_cell, print_text, without_apostrophe

KEY = ".key"
"""The file of a store that holds the key of its pseudonyms."""

KEY_BYTES = 1000
"""Largest file of a key."""

KEY_TEXT = re.compile(r"[0-9a-f]{64}")
"""Its content: 32 bytes in hexadecimal digits."""

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
            MammoError: the key is damaged, so that every id would change, or not a file.
        """
        path = store / KEY
        if not path.is_file():
            cls(secrets.token_bytes(32)).write_key(store)
        try:
            text = read_text(path, KEY_BYTES)
            problem = "" if KEY_TEXT.fullmatch(text) else "64 hexadecimal digits are expected"
        except (OSError, ValueError) as error:
            text, problem = "", str(error)
        if problem := problem or damage_of(store, KEY):
            raise MammoError(
                f"{path} is not a key of pseudonyms ({problem}), and every id is made with it: restore it from a copy, "
                "or give another root="
            )
        return cls(bytes.fromhex(text))

    def write_key(self, store: Path) -> None:
        """Write the key to a store that has none; of several processes that try, the first one wins."""
        make_folder(store)
        partial = store / f"{KEY}.{secrets.token_hex(4)}{PARTIAL}"
        try:
            with locked_file(partial, 0o600), suppress(FileExistsError):
                partial.write_text(self.key.hex())
                os.link(partial, store / KEY)
        finally:
            partial.unlink(missing_ok=True)

    def of_source(self, source: str) -> "Pseudonyms":
        """Return the pseudonyms of one source of the store: two sources may number their patients alike."""
        return replace(self, source=source)

    def of(self, kind: str, name: str) -> str:
        """Return the pseudonym of a name of one kind ("patient", "exam", "image", "lesion", "finding", "uid")."""
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
        """Replace the rows of one source, and print what is lost where the table was damaged.

        Args:
            store: the store folder.
            source: the source.
            rows: its rows, in the order of the columns.
            sources: the store's sources in order, this one among them; rows of any other source are dropped.
        """
        stream, at = StringIO(newline=""), list(self.columns).index("source")
        parts: dict[str, list[Sequence[str]]] = {name: [] for name in sources}
        for row in self._kept(store, [name for name in sources if name != source]):
            if row[at] in parts and row[at] != source:
                parts[row[at]].append(row)
        parts[source] = [[csv_cell(cell) for cell in row] for row in rows]
        writer = csv.writer(stream)
        writer.writerow(self.columns)
        for part in parts.values():
            writer.writerows(part)
        content = stream.getvalue().encode("utf-8")
        with atomic_write(new_table(store, self.name), mode=0o600) as table:  # replaces the old one after its digest
            table.write_bytes(content)
        with atomic_write(self._digest_file(store)) as digest:
            digest.write_text(sha256(content).hexdigest(), encoding="ascii")
        new_table(store, self.name).replace(store / self.name)

    def read(self, store: Path) -> list[dict[str, str]]:
        """The rows by column, without the apostrophes that keep cells from running; empty without the file.

        Raises:
            MammoError: the table differs from what was written.
        """
        rows = self._cells(store)
        if rows is None:
            raise MammoError(
                f"{store / self.name} is damaged (another SHA-256 than was written): run python -m mammo.ingest again, "
                "for every source of the store"
            )
        return [dict(zip(self.columns, map(without_apostrophe, row), strict=True)) for row in rows]

    def _kept(self, store: Path, others: Sequence[str]) -> list[list[str]]:
        """The rows of the file; none, and a printed caution, where it is damaged."""
        rows = self._cells(store)
        if rows is None:
            lost = f", without the rows of {', '.join(others)} until they are ingested again" if others else ""
            print_text(f"caution: {store / self.name} was damaged, and is made again{lost}")
        return rows or []

    def _cells(self, store: Path) -> list[list[str]] | None:
        """The rows as they are in the file, empty without it; None where it differs from what was written."""
        digest = self._digest_file(store)
        known = digest.read_bytes()[:KEY_BYTES] if digest.is_file() else None
        try:
            for path in (store / self.name, new_table(store, self.name)):
                if path.is_file() and known in (None, _digest(path)):
                    return self._parsed(path)
        except (OSError, ValueError, csv.Error):
            return None
        return [] if known is None else None

    def _parsed(self, path: Path) -> list[list[str]]:
        check_size(path, TABLE_BYTES)
        with path.open(encoding="utf-8", errors="replace", newline="") as stream:
            header, *rows = csv.reader(limited_lines(stream))
        if header != list(self.columns):
            raise ValueError(f"it has the columns {header}")
        return [row for row in rows if len(row) == len(self.columns)]

    def _digest_file(self, store: Path) -> Path:
        """The file with the table's SHA-256, as hex."""
        return store / f".{self.name}.sha256"


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest().encode()


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
        MammoError: the store has no ids.csv, which stays behind where a store is shared, or it is damaged.
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
