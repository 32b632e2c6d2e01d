"""The image score table of a context network: one row an image, with what it shows and what the network says."""

from pathlib import Path

import pandas as pd

from mammo.scoring.intervals import Interval, auc_interval
from mammo.scoring.table_file import TableKind

CLASSES = ("malignant", "benign")
TYPES = {
    **dict.fromkeys(("image_id", "exam_id", "patient_id", "laterality", "view", "split"), "str"),
    "malignant": "int64",
    "score_malignant": "float64",
    "benign": "int64",
    "score_benign": "float64",
}
"""malignant, benign: 1 where the image shows such a lesion, else 0; their scores in [0, 1]."""


def write_image_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write path (.parquet) and the same name with .csv; MammoError as TableKind.check."""
    IMAGES.write(table, path)


def read_image_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_image_table; MammoError as TableKind.read."""
    return IMAGES.read(path)


def image_auc(table: pd.DataFrame, label: str) -> Interval:
    """AUC over images of one class (malignant, benign) with its patient-bootstrap interval; NaN where undefined."""
    return auc_interval(table[label], table[f"score_{label}"], table["patient_id"])


def _problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    labels = {f"{label} is not 0 or 1": ~table[label].isin((0, 1)) for label in CLASSES}
    return labels | {f"score_{label} is outside [0, 1]": ~table[f"score_{label}"].between(0, 1) for label in CLASSES}


IMAGES = TableKind("image score table", TYPES, ("image_id",), _problems, "test the run anew")
