"""Table files of a kind, with columns, types and row checks that apply to writing and reading.

Parquet holds the exact values; the CSV next to it is the same table for people, with text escaped that a spreadsheet
would run as a formula.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.io import atomic_write
from mammo.records import MammoError

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters that make a spreadsheet read a cell as a formula; the last four are the full-width = + - @."""


@dataclass(frozen=True)
class TableKind:
    """One kind of score table.

    Attributes:
        name: name in error messages.
        types: type of each column, in order: "str", "int64" or "float64". A table has exactly these columns; missing
            text is empty.
        key: columns whose values together identify a row.
        problems: from a typed table to each possible problem of a row and whether each row has it. A number that cannot
            be read is NaN, for which every comparison is false.
        remedy: what to do about an invalid table, in the imperative.
    """

    name: str
    types: Mapping[str, str]
    key: tuple[str, ...]
    problems: Callable[[pd.DataFrame], "Mapping[str, pd.Series[bool]]"]
    remedy: str

    def check(self, table: pd.DataFrame, where: str) -> pd.DataFrame:
        """Check every row, and return the table with typed columns in order.

        Args:
            table: rows in any order.
            where: the path, for error messages.

        Raises:
            MammoError: a column is missing or unknown, a key is duplicated, or a value is outside its range.
        """
        if set(table.columns) != set(self.types):
            found = {str(column) for column in table.columns}
            names = f"missing columns {sorted(set(self.types) - found)}, unknown {sorted(found - set(self.types))}"
            raise MammoError(f"{where}: not a {self.name} ({names}); {self.remedy}")
        table = table[list(self.types)].reset_index(drop=True)
        for column, kind in self.types.items():
            if kind == "str":
                table[column] = table[column].astype("str").fillna("")
            else:
                table[column] = pd.to_numeric(table[column], errors="coerce")
        duplicate = table.duplicated(list(self.key))
        for problem, bad in ({"duplicate row": duplicate} | dict(self.problems(table))).items():
            if bad.any():
                row = ", ".join(f"{column.removesuffix('_id')} {table[column][bad].iloc[0]}" for column in self.key)
                raise MammoError(f"{where}: {row}: {problem} (affected rows: {int(bad.sum())}); {self.remedy}")
        return table.astype(dict(self.types))

    def write(self, table: pd.DataFrame, path: Path, with_csv: bool = True) -> None:
        """Check the table and write it as .parquet and .csv; a reader never sees half a file.

        Raises:
            MammoError: as check.
        """
        checked = self.check(table, str(path))
        with atomic_write(path.with_suffix(".parquet")) as parquet:
            checked.to_parquet(parquet, index=False)
            if with_csv:
                with atomic_write(path.with_suffix(".csv")) as csv:
                    safe_csv(checked, csv)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a parquet file and check it.

        Raises:
            MammoError: the file is missing or not parquet, or as check.
        """
        if not path.is_file():
            raise MammoError(f"{path}: no such {self.name}; {self.remedy}")
        try:
            table = pd.read_parquet(path)
        except (ValueError, OSError) as error:
            raise MammoError(f"{path}: not a readable parquet file ({type(error).__name__}); {self.remedy}") from error
        return self.check(table, str(path))


def safe_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, with an apostrophe before text that a spreadsheet would run as a formula."""
    text = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    safe = table.assign(**{name: table[name].map(_escaped) for name in text})
    safe.to_csv(path, index=False, lineterminator="\n")


def _escaped(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
