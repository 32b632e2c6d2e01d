"""Tables as files: parquet keeps the true values; the CSV beside it is the same table for people.

Cells of the CSV that a spreadsheet would run as a formula are defused.
"""

import os
from pathlib import Path

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet read a cell as a formula; the last four are the full-width = + - @."""


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write path (.parquet) and the same name with .csv; a reader never sees half a file."""
    parquet, csv = path.with_suffix(".parquet.part"), path.with_suffix(".csv.part")
    table.to_parquet(parquet, index=False)
    safe_csv(table, csv)
    os.replace(csv, path.with_suffix(".csv"))
    os.replace(parquet, path.with_suffix(".parquet"))


def safe_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV with an apostrophe before every text that a spreadsheet would run as a formula."""
    text = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    safe = table.assign(**{name: table[name].map(_defused) for name in text})
    safe.to_csv(path, index=False, lineterminator="\n")


def _defused(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
