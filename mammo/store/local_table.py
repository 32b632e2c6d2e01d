"""Local tables of a store, which hold the source's own names: quarantine.csv and ids.csv, one part for each source.

They are readable by their owner only and stay behind where a store is shared. No cell runs as a formula in a
spreadsheet, or as a control sequence in a terminal.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from mammo.io import atomic_write

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters at the start of a cell that make a spreadsheet run it as a formula."""


@dataclass(frozen=True)
class LocalTable:
    """One kind of local table.

    Attributes:
        name: of the file in the store folder.
        columns: names of its columns; one of them is source.
    """

    name: str
    columns: tuple[str, ...]

    def write(self, store: Path, source: str, rows: Iterable[Sequence[str]], sources: Sequence[str]) -> None:
        """Replace the rows of one source.

        Args:
            store: the store folder.
            source: the source.
            rows: its rows, in the order of the columns.
            sources: the store's sources in order, this one among them; rows of any other source are dropped.
        """
        stream, at = StringIO(newline=""), self.columns.index("source")
        parts: dict[str, list[Sequence[str]]] = {name: [] for name in sources}
        for row in self._cells(store):
            if row[at] in parts and row[at] != source:
                parts[row[at]].append(row)
        parts[source] = [[_safe(cell) for cell in row] for row in rows]
        writer = csv.writer(stream)
        writer.writerow(self.columns)
        for part in parts.values():
            writer.writerows(part)
        with atomic_write(store / self.name) as table:
            table.touch(mode=0o600)
            table.write_bytes(stream.getvalue().encode("utf-8", errors="backslashreplace"))

    def read(self, store: Path) -> list[dict[str, str]]:
        """The rows by column, without the apostrophes that keep cells from running; empty without the file."""
        return [dict(zip(self.columns, map(_plain, row), strict=True)) for row in self._cells(store)]

    def _cells(self, store: Path) -> list[list[str]]:
        """The rows as they are in the file; empty without it, or where it is not such a table."""
        try:
            with (store / self.name).open(encoding="utf-8", errors="replace", newline="") as stream:
                header, *rows = csv.reader(stream)
        except (OSError, ValueError, csv.Error):
            return []
        return [row for row in rows if len(row) == len(self.columns)] if tuple(header) == self.columns else []


def _safe(text: str) -> str:
    """A text that neither a spreadsheet runs as a formula nor a terminal as a control sequence."""
    shown = "".join(char if char.isprintable() or "\ud800" <= char <= "\udfff" else repr(char)[1:-1] for char in text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell
