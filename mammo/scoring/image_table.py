"""The image score table of a context network: one row an image, with what it shows and what the network says."""

from pathlib import Path

import pandas as pd

from mammo.records import MammoError
from mammo.scoring.intervals import Interval, auc_interval
from mammo.scoring.table_file import write_table

CLASSES = ("malignant", "benign")
COLUMNS = (
    "image_id",
    "exam_id",
    "patient_id",
    "laterality",
    "view",
    "split",
    "malignant",
    "score_malignant",
    "benign",
    "score_benign",
)
"""malignant, benign: 1 where the image shows such a lesion, else 0; their scores in [0, 1]."""


def write_image_table(table: pd.DataFrame, path: Path) -> None:
    """Write path (.parquet) and the same name with .csv; a reader never sees half a file.

    Raises:
        MammoError: as check_image_table.
    """
    write_table(check_image_table(table, str(path)), path)


def read_image_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_image_table.

    Raises:
        MammoError: the file is missing or not parquet, or as check_image_table.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise MammoError(
            f"{path}: no readable image score table ({type(error).__name__}); test the run anew"
        ) from error
    return check_image_table(table, str(path))


def check_image_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table with its columns in order.

    Raises:
        MammoError: a column is missing, an image comes twice, or a label or score is outside its range.
    """
    missing = sorted(set(COLUMNS) - set(table.columns))
    if missing:
        raise MammoError(f"{name}: not an image score table (missing columns {missing})")
    twice = table["image_id"].duplicated()
    if twice.any():
        raise MammoError(f"{name}: image {table['image_id'][twice].iloc[0]} comes twice; score every image once")
    for label in CLASSES:
        bad = ~table[label].isin((0, 1)) | ~table[f"score_{label}"].between(0, 1)
        if bad.any():
            image = table["image_id"][bad].iloc[0]
            raise MammoError(f"{name}: image {image}: {label} is not 0 or 1, or its score is outside [0, 1]")
    return table[list(COLUMNS)]


def image_auc(table: pd.DataFrame, label: str) -> Interval:
    """AUC over images of one class (malignant, benign) with its patient-bootstrap interval; NaN where undefined."""
    return auc_interval(table[label], table[f"score_{label}"], table["patient_id"])
