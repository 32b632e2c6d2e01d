"""The window score table: every crop window a lesion was scored by, where it lies and what it was given.

Windows are unrotated (paper, Model evaluation) and the same for every model, so the tables of two runs on one store
differ in their scores alone.
"""

from pathlib import Path

import pandas as pd

from mammo.scoring.table_file import TableKind

TYPES = {
    "lesion_id": "str",
    "window": "int64",
    "row": "float64",
    "col": "float64",
    "side": "float64",
    "score": "float64",
}
"""window: number within its lesion; row, col: centre, and side, px of the network frame; score in [0, 1]."""


def write_window_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write path (.parquet); MammoError as TableKind.check."""
    WINDOWS.write(table, path, beside=False)


def read_window_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_window_table; MammoError as TableKind.read."""
    return WINDOWS.read(path)


def _problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    return {
        "the lesion's id is empty": table["lesion_id"] == "",
        "the window has no place": table[["row", "col"]].isna().any(axis=1) | ~(table["side"] > 0),
        "score is outside [0, 1]": ~table["score"].between(0, 1),
    }


WINDOWS = TableKind("window score table", TYPES, ("lesion_id", "window"), _problems, "score the run anew")
