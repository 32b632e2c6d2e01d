"""Rows of CSV, Excel and Parquet tables, read in one way.

Column names are compared in lower case with other characters as "_" ("left or right breast" is left_or_right_breast).
Cells are stripped, and the usual words for a missing value become empty. Rows are numbered as an editor shows them.
"""

import csv
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from mammo.intake.source_folder import standardized_path
from mammo.limits import LINE_CHARACTERS, TABLE_BYTES, check_archive, check_parquet, check_size, limited_lines
from mammo.records import MammoError

ABSENT = frozenset({"", "NA", "N/A", "nan", "NaN", "None", "<NA>"})
"""Cells that stand for a missing value."""

INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\xa0]")
"""Zero-width and other invisible characters that spreadsheets leave in cells."""

MOST_COLUMNS = 1000
"""Most columns to which the rows of a sheet are filled up with empty cells."""

SHEETS = (".xlsx", ".xlsm")
"""Suffixes of workbooks."""

EXACT = 10**15
"""Numbers from here on have more digits than Excel keeps, and soon more than a floating-point number does."""

SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2}")
"""A number as Excel and pandas write it into CSV files when it has too many digits."""

MOST_SHORT = 10**11
"""The smallest number that Excel writes in this way."""

Cells = Iterable[object]

Choice = TypeVar("Choice", bound=str)

ROW_LINES = 10_000
"""Most lines of a row, whose cells may hold line breaks: a quote that is not closed would keep all lines in memory."""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        file: the table.
        number: row number.
        values: cells by standardized column name.
        rounded: columns with a number that lost digits, so that ids can have become equal.
    """

    file: Path
    number: int
    values: Mapping[str, str]
    rounded: Collection[str] = ()

    def get(self, column: str, default: str = "") -> str:
        """Return the cell of a column, or the default if it is empty or absent.

        Raises:
            MammoError: it is a number that lost digits; names file, row, column and remedy.
        """
        if column in self.rounded:
            raise MammoError(
                f"{self.file} row {self.number}: {column} {self.values[column]!r}: its last digits are lost, as Excel "
                "and floating-point numbers keep 15: store the column as text, and write its cells anew"
            )
        return self.values.get(column) or default

    def path(self, column: str) -> str:
        """Return the cell as a path in the form of Folder.paths, empty for an empty cell."""
        return standardized_path(self.get(column))

    def choice(self, column: str, choices: Iterable[Choice]) -> Choice | None:
        """Return the choice that equals the cell, ignoring case, or None."""
        cell = self.get(column).lower()
        return next((choice for choice in choices if choice.lower() == cell), None)

    def error(self, column: str, remedy: str) -> MammoError:
        """Return an error that names file, row, column and cell, with the remedy."""
        cell = f"{column} {self.get(column)!r}" if self.get(column) else f"{column} is empty"
        return MammoError(f"{self.file} row {self.number}: {cell}: {remedy}")


def column_name(text: object) -> str:
    """Return a header cell as a standardized column name."""
    return re.sub(r"[^a-z0-9]+", "_", cell_text(text).lower()).strip("_")


def cell_text(value: object, absent: Container[str] = ABSENT) -> str:
    """Return a cell as text: whole numbers without a decimal point, missing values empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = INVISIBLE.sub(" ", "" if value is None else str(value)).strip()
    return "" if text in absent else text


def read_header(file: Path) -> tuple[str, ...]:
    """Return the standardized column names of a table, empty for an empty file.

    Raises:
        MammoError: the file is missing or is not a table.
    """
    return tuple(column_name(cell) for cell in next(_lines(file), (1, []))[1])


def read_rows(
    file: Path,
    needed: Iterable[str] = (),
    kept: Iterable[str] | None = None,
    absent: Container[str] = ABSENT,
    aligned: bool = False,
) -> Iterator[Row]:
    """Yield the rows of a table; rows without any value are skipped.

    Args:
        file: .csv or .tsv (comma, semicolon or tab), .xlsx or .parquet.
        needed: required columns.
        kept: further columns to read; None for all.
        absent: cells that stand for a missing value.
        aligned: whether a row with cells beyond its header is an error: a comma in a number shifts those behind it.

    Raises:
        MammoError: the file is missing, is not a table, lacks a required column, or has a row that is not aligned.
    """
    needed = tuple(needed)
    lines = _lines(file)
    header = [column_name(cell) for cell in next(lines, (1, []))[1]]
    missing = [column for column in needed if column not in header]
    if missing:
        raise MammoError(f"{file} lacks the column {missing[0]}: its header must name {', '.join(needed)}")
    wanted = set(header) if kept is None else {*needed, *kept}
    places = [(place, name) for place, name in enumerate(header) if name in wanted and name]
    in_sheet = file.suffix.lower() in SHEETS
    for number, line in lines:
        cells = list(line)
        if aligned and any(cell_text(cell) for cell in cells[len(header) :]):
            raise MammoError(
                f"{file} row {number}: has more cells than the {len(header)} columns of the header: put cells that "
                "hold a comma in quotes, and write decimals with a point"
            )
        values = {name: cell_text(cells[place], absent) for place, name in reversed(places) if place < len(cells)}
        if any(values.values()):
            rounded = {name for place, name in places if place < len(cells) and _is_rounded(cells[place], in_sheet)}
            yield Row(file, number, values, rounded)


def _is_rounded(value: object, in_sheet: bool) -> bool:
    """Return whether a cell is a number whose last digits can be lost; in a sheet, a whole one's, too."""
    if isinstance(value, str):
        text = value.strip() if "+" in value else ""
        return SCIENTIFIC.fullmatch(text) is not None and float(text.replace(",", ".")) >= MOST_SHORT
    if isinstance(value, int):
        return in_sheet and abs(value) >= EXACT
    return isinstance(value, float) and value.is_integer() and abs(value) >= EXACT


def _lines(file: Path) -> Iterator[tuple[int, Cells]]:
    """Yield (row number, cells), header first."""
    readers = dict.fromkeys(SHEETS, read_sheet) | {".parquet": _parquet_lines}
    try:
        yield from readers.get(file.suffix.lower(), _csv_lines)(file)
    except FileNotFoundError:
        raise MammoError(f"{file} is missing: put it there or set data.source to another folder") from None
    except MammoError:
        raise
    except (UnicodeDecodeError, csv.Error):
        raise MammoError(f"{file} is not a CSV file in UTF-8: save it as UTF-8 CSV") from None
    except ValueError as error:
        reason = " ".join(str(error).split())[:200]
        raise MammoError(f"{file} cannot be read as a table ({reason}): save it as CSV, or in several files") from None
    except Exception as error:  # a damaged workbook may fail anywhere inside its reader
        raise MammoError(f"{file} cannot be read as a table ({type(error).__name__}): save it as CSV") from None


def _csv_lines(file: Path) -> Iterator[tuple[int, Cells]]:
    csv.field_size_limit(LINE_CHARACTERS)
    check_size(file, TABLE_BYTES)
    with file.open(newline="", encoding="utf-8-sig") as stream:
        first, skipped = stream.readline(LINE_CHARACTERS), 0
        if first.strip().lower() in ("sep=,", "sep=;"):  # a line that Excel adds
            start, skipped = stream.tell(), 1
            first = stream.readline(LINE_CHARACTERS)
            stream.seek(start)
        else:
            stream.seek(0)
        lines: list[str] = []
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(_kept(file, limited_lines(stream), lines), delimiter=delimiter)
        for cells in reader:
            _check_quotes(file, reader.line_num + skipped, lines, delimiter)
            yield reader.line_num + skipped, cells


def _kept(file: Path, stream: Iterable[str], lines: list[str]) -> Iterator[str]:
    """Yield lines and add them to a list, which is of one row; MammoError where that has more than ROW_LINES."""
    for line in stream:
        if len(lines) == ROW_LINES:
            raise MammoError(
                f"{file}: a quote is not closed, so that more than {ROW_LINES:,} lines are one row: close or remove it"
            )
        lines.append(line)
        yield line


def _check_quotes(file: Path, last: int, lines: list[str], delimiter: str) -> None:
    """Check the quotes of a row of several lines, which ends at this line number, and clear its lines.

    Raises:
        MammoError: a quote that is not closed has joined rows.
    """
    try:
        if len(lines) > 1:
            list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        first = last - len(lines) + 1
        raise MammoError(
            f"{file} row {first}: a quote is not closed, so that the rows to {last} are one cell: close or remove it"
        ) from None
    lines.clear()


def read_sheet(file: Path, sheet: str = "") -> Iterator[tuple[int, Cells]]:
    """Yield (row number, cells) of an Excel sheet; of the first sheet if none has this name."""
    check_archive(file)
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    try:
        found = book[sheet] if sheet in book.sheetnames else book.worksheets[0]
        if (found.max_column or 0) > MOST_COLUMNS:  # a false size, to which every row would be filled up
            found.reset_dimensions()
        yield from enumerate(found.iter_rows(values_only=True), 1)
    finally:
        book.close()


def further_tables(file: Path) -> list[str]:
    """Return the names of the sheets of a workbook that hold more rows of its table, which read_rows does not read.

    Such a sheet has rows and at least two columns of the first sheet; a legend or a summary has not.
    """
    if file.suffix.lower() not in SHEETS:
        return []
    check_archive(file)
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    try:
        starts = [(one.title, *_start_of_sheet(one.iter_rows(max_row=2, values_only=True))) for one in book.worksheets]
        return [name for name, header, n_rows in starts[1:] if n_rows > 1 and len(header & starts[0][1]) > 1]
    finally:
        book.close()


def _start_of_sheet(lines: Iterable[Cells]) -> tuple[set[str], int]:
    """Return the standardized column names of a sheet's first lines, and how many of the lines have cells."""
    rows = [names for names in ({column_name(cell) for cell in cells} - {""} for cells in lines) if names]
    return rows[0] if rows else set(), len(rows)


def _parquet_lines(file: Path) -> Iterator[tuple[int, Cells]]:
    check_parquet(file)
    with pq.ParquetFile(file) as table:
        names = table.schema_arrow.names
        yield 1, names
        number = 1
        for batch in table.iter_batches(batch_size=4096):
            for values in zip(*(_plain(batch.column(name)) for name in names), strict=True):
                number += 1
                yield number, values


def _plain(column: pa.Array) -> list[object]:
    values: list[object] = column.to_pylist()
    return values
