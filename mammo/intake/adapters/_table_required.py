"""Columns that a user's table must have, and which of its columns could be the missing ones, by their words."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mammo.intake.adapters._table_columns import ABSENT, columns_of
from mammo.intake.adapters._table_words import SIDE_AND_VIEW, SIDES, VIEWS, Meaning, plain
from mammo.intake.rasters import is_raster
from mammo.intake.source_tables import Row, read_header, read_rows
from mammo.records import MammoError

BREAST = ("patient", "laterality", "view")
"""Fields that find the image of a row that names none, and that describe an image without a header."""

N_ROWS = 1000
"""Rows whose words are looked at."""

MOST = 0.8
"""Share of a column's cells that must be words of a field, for the column to be suggested for it."""


@dataclass(frozen=True)
class _Table:
    """Columns by field and the first rows of a table."""

    header: tuple[str, ...]
    columns: Mapping[str, list[str]]
    rows: Sequence[Row]

    def cells(self, column: str) -> list[str]:
        """Return the cells of a column that are not empty, as in Meaning's words."""
        return [cell for row in self.rows if (cell := plain(row.get(column)))]

    def states_sides(self, columns: Iterable[str]) -> bool:
        """Return whether a column holds the side with the view, as in R-MLO."""
        return any(SIDE_AND_VIEW.fullmatch(cell) for column in columns for cell in self.cells(column))

    def guess(self, field: str, labels: Collection[str]) -> str:
        """Return a column whose cells are words of a missing field; empty without one."""
        known = {"label": labels, "laterality": SIDES, "view": VIEWS}.get(field, ())
        for column in self.header:
            cells = self.cells(column) if column and column not in self._needed() else []
            words = [cell in known or (field == "view" and bool(SIDE_AND_VIEW.fullmatch(cell))) for cell in cells]
            if cells and sum(words) >= MOST * len(cells):
                return column
        return ""

    def _needed(self) -> set[str]:
        return {column for field in ("image", "label", *BREAST) for column in self.columns.get(field, ())}


def check_lesion_columns(file: Path, chosen: Mapping[str, str], meanings: Mapping[str, Meaning]) -> None:
    """Check that a table of lesions has labels, and says which image its rows are about.

    Args:
        file: the table.
        chosen: columns by field (data.columns).
        meanings: of the label words.

    Raises:
        MammoError: columns are missing; the message names all of them, and which others could be meant.
    """
    table = _table(file, chosen)
    named = "image" in table.columns or not table.rows
    _check(file, chosen, table, ("label", *(() if named else BREAST)), meanings)


def check_image_columns(file: Path, chosen: Mapping[str, str]) -> None:
    """Check that a table of images names them, and describes those without a header.

    Raises:
        MammoError: columns are missing; the message names all of them, and which others could be meant.
    """
    table = _table(file, chosen)
    without_header = any(is_raster(row.get(name)) for name in table.columns.get("image", ()) for row in table.rows)
    _check(file, chosen, table, ("image", *(BREAST if without_header else ())), {})


def _table(file: Path, chosen: Mapping[str, str]) -> _Table:
    header = read_header(file)
    return _Table(header, columns_of(header, chosen), list(islice(read_rows(file, absent=ABSENT), N_ROWS)))


def _check(
    file: Path, chosen: Mapping[str, str], table: _Table, needed: Iterable[str], labels: Collection[str]
) -> None:
    guesses = {field: table.guess(field, labels) for field in needed if field not in table.columns}
    views = table.columns.get("view") or [guesses.get("view", "")]
    if table.states_sides(views):
        guesses.pop("laterality", None)
    if not guesses:
        return
    listed = ", ".join(column for column in table.header if column) or "nothing"
    found = " and ".join(f"{column} has words for {field}" for field, column in guesses.items() if column)
    given = {**chosen, **{field: column or "NAME" for field, column in guesses.items()}}
    names = ", ".join(f"{field}: {column}" for field, column in given.items())
    by_image = "; or name the file of each row in a column image" if {*guesses} & {*BREAST} and labels else ""
    raise MammoError(
        f"{file} lacks the column{'s' if len(guesses) > 1 else ''} {' and '.join(guesses)} (it has {listed}"
        f"{f'; {found}' if found else ''}): rename its columns, or give their names with data.columns='{{{names}}}'"
        f"{by_image}"
    )
