"""The lesion score table: one row a scored lesion, the only thing that reports read of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammo.records import LabelSource, MammoError, Pathology, Split, View
from mammo.scoring.table_file import write_table

TEXT = ("lesion_id", "image_id", "exam_id", "patient_id", "label", "label_source", "finding", "view", "split")
NUMBERS = ("malignant", "score", "score_sd", "n_windows")
COLUMNS = (
    "lesion_id",
    "image_id",
    "exam_id",
    "patient_id",
    "label",
    "malignant",
    "label_source",
    "finding",
    "view",
    "split",
    "score",
    "score_sd",
    "n_windows",
)
"""label: malignant, benign or none; malignant: 1 for a malignant lesion, else 0; score and score_sd in [0, 1]; split is
empty where the store is not split."""


def check_lesion_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with its columns in order and typed, after every row has been checked.

    Args:
        table: columns as COLUMNS.
        name: what the table is called in errors (a path).

    Raises:
        MammoError: a column is missing or unknown, a lesion comes twice, or a value is outside its range.
    """
    if set(table.columns) != set(COLUMNS):
        missing, unknown = sorted(set(COLUMNS) - set(table.columns)), sorted(set(table.columns) - set(COLUMNS))
        raise MammoError(f"{name}: not a lesion score table (missing columns {missing}, unknown {unknown})")
    table = table[list(COLUMNS)].reset_index(drop=True)
    for column in TEXT:
        table[column] = table[column].astype("str")
    for column in NUMBERS:
        table[column] = pd.to_numeric(table[column], errors="coerce")
    table["finding"] = table["finding"].fillna("")
    twice = table["lesion_id"].duplicated()
    if twice.any():
        raise MammoError(f"{name}: lesion {table['lesion_id'][twice].iloc[0]} comes twice; score every lesion once")
    for problem, bad in _problems(table).items():
        if bad.any():
            row = table[bad].iloc[0]
            raise MammoError(f"{name}: lesion {row['lesion_id']}: {problem} ({int(bad.sum())} such rows); score anew")
    types: dict[str, Any] = {"malignant": "int64", "n_windows": "int64", "score": "float64", "score_sd": "float64"}
    return table.astype(types)


def _problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    """What can be wrong with a row, and with which rows it is; a comparison with NaN is false, so NaN is caught."""
    malignant = (table["label"] == Pathology.MALIGNANT).astype(np.int64)
    ids = table[["lesion_id", "image_id", "exam_id", "patient_id"]]
    return {
        "an id is empty": (ids.isna() | (ids == "")).any(axis=1),
        "label is not malignant, benign or none": ~table["label"].isin(list(Pathology)),
        "malignant is not 1 for the label malignant and 0 for the others": table["malignant"] != malignant,
        "label_source is unknown": ~table["label_source"].isin(list(LabelSource)),
        "view is neither CC nor MLO": ~table["view"].isin(list(View)),
        "split is not train, val, test or empty": ~table["split"].isin(["", *Split]),
        "score is outside [0, 1]": ~table["score"].between(0, 1),
        "score_sd is outside [0, 1]": ~table["score_sd"].between(0, 1),
        "n_windows is below 1": ~(table["n_windows"] >= 1),
    }


def write_lesion_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write path (.parquet) and the same name with .csv; a reader never sees half a file.

    Raises:
        MammoError: as check_lesion_table.
    """
    write_table(check_lesion_table(table, str(path)), path)


def read_lesion_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_lesion_table and check it.

    Raises:
        MammoError: the file is missing, is not parquet, or as check_lesion_table.
    """
    if not path.is_file():
        raise MammoError(f"{path}: no such lesion score table; score the run first")
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        raise MammoError(f"{path}: not a readable parquet file ({type(error).__name__}); score the run anew") from error
    return check_lesion_table(table, str(path))
