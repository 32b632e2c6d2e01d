"""Tables as files, by kind: columns, types and what can be wrong with a row, checked when written and when read.

Parquet keeps the true values; the CSV beside it is the same table for people. Cells of the CSV that a spreadsheet would
run as a formula are defused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.io import atomic_write
from mammo.records import MammoError

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet read a cell as a formula; the last four are the full-width = + - @."""


@dataclass(frozen=True)
class TableKind:
    """One kind of score table.

    Attributes:
        name: what it is called in errors.
        types: column to type, in order: "str", "int64" or "float64". Exactly these columns; text is never missing, but
            may be empty.
        key: columns that together name a row; each names it once.
        problems: from a table with its types to what can be wrong with a row, and with which rows it is. A number that
            cannot be read arrives as NaN, of which every comparison is false.
        remedy: the way out, in the imperative.
    """

    name: str
    types: Mapping[str, str]
    key: tuple[str, ...]
    problems: Callable[[pd.DataFrame], "Mapping[str, pd.Series[bool]]"]
    remedy: str

    def check(self, table: pd.DataFrame, where: str) -> pd.DataFrame:
        """The table with its columns in order and typed, after every row has been checked.

        Args:
            table: any row order.
            where: what it is called in errors (a path).

        Raises:
            MammoError: a column is missing or unknown, a row comes twice, or a value is outside its range.
        """
        if set(table.columns) != set(self.types):
            found = {str(column) for column in table.columns}
            told = f"missing columns {sorted(set(self.types) - found)}, unknown {sorted(found - set(self.types))}"
            raise MammoError(f"{where}: not a {self.name} ({told}); {self.remedy}")
        table = table[list(self.types)].reset_index(drop=True)
        for column, kind in self.types.items():
            if kind == "str":
                table[column] = table[column].astype("str").fillna("")
            else:
                table[column] = pd.to_numeric(table[column], errors="coerce")
        twice = table.duplicated(list(self.key))
        for problem, bad in ({"comes twice": twice} | dict(self.problems(table))).items():
            if bad.any():
                row = ", ".join(f"{column.removesuffix('_id')} {table[column][bad].iloc[0]}" for column in self.key)
                raise MammoError(f"{where}: {row}: {problem} ({int(bad.sum())} such rows); {self.remedy}")
        return table.astype(dict(self.types))

    def write(self, table: pd.DataFrame, path: Path, beside: bool = True) -> None:
        """Check the table and write path (.parquet), and beside it the same as .csv; no reader sees half a file.

        Raises:
            MammoError: as check.
        """
        checked = self.check(table, str(path))
        with atomic_write(path.with_suffix(".parquet")) as parquet:
            checked.to_parquet(parquet, index=False)
            if beside:
                with atomic_write(path.with_suffix(".csv")) as csv:
                    safe_csv(checked, csv)

    def read(self, path: Path) -> pd.DataFrame:
        """Read a parquet file of write and check it.

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
    """Write a table as CSV with an apostrophe before every text that a spreadsheet would run as a formula."""
    text = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    safe = table.assign(**{name: table[name].map(_defused) for name in text})
    safe.to_csv(path, index=False, lineterminator="\n")


def _defused(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
