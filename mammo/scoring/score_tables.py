"""Lesion, window and image score tables: columns, row checks, reading and writing."""

from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import Birads, Density, LabelSource, Laterality, Pathology, Split, View
from mammo.scoring.intervals import Interval, auc_interval
from mammo.scoring.table_file import TableKind
from mammo.scoring.trivial_predictors import PREDICTORS

LESION_COLUMNS = {
    "lesion_id": "str",
    "image_id": "str",
    "source": "str",
    "exam_id": "str",
    "patient_id": "str",
    "label": "str",
    "malignant": "int64",
    "label_source": "str",
    "high_risk": "int64",
    "finding": "str",
    "birads": "str",
    "laterality": "str",
    "view": "str",
    "vendor": "str",
    "density": "str",
    "size_px": "float64",
    "split": "str",
    "fold": "int64",
    "score": "float64",
    "score_sd": "float64",
    "n_windows": "int64",
    **dict.fromkeys(PREDICTORS, "float64"),
}
"""source: name of the data set; label: malignant, benign or none; malignant: 1 for a malignant lesion, else 0;
high_risk: 1 for a benign lesion that pathology calls high-risk, else 0; birads, vendor and density: from the manifest,
empty if unknown; size_px: longer side of the outline's bounding box, px of the paper's 2944 x 1920 frame; split: empty
if the store is not split; fold: the fold that the run tested, -1 without folds; score: mean over the windows, in
[0, 1]; score_sd: standard deviation over the windows; trivial_size and so on: scores of the trivial predictors, in
[0, 1], fitted on the run's training lesions, NaN where these are unknown."""

SIZE_GROUPS = ("below 128 px", "128 to 384 px", "above 384 px")
"""Lesions below, within and above the range of the paper's crop window sizes."""


def write_lesion_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write it as .parquet and .csv; MammoError as TableKind.check."""
    LESIONS.write(table, path)


def read_lesion_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_lesion_table; MammoError as TableKind.read."""
    return LESIONS.read(path)


def size_group(size_px: "pd.Series[float]") -> "pd.Series[str]":
    """The group of SIZE_GROUPS of each lesion, by its size in px of the paper's frame."""
    return pd.Series(np.select([size_px < 128, size_px <= 384], SIZE_GROUPS[:2], SIZE_GROUPS[2]), index=size_px.index)


def _lesion_problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    ids = table[["lesion_id", "image_id", "exam_id", "patient_id"]]
    return {
        "an id is empty": (ids == "").any(axis=1),
        "label is not malignant, benign or none": ~table["label"].isin(list(Pathology)),
        "malignant is not 1 for the label malignant and 0 for the others": (
            table["malignant"] != (table["label"] == Pathology.MALIGNANT).astype(np.int64)
        ),
        "label_source is not one of records.LabelSource": ~table["label_source"].isin(list(LabelSource)),
        "high_risk is not 0 (or 1 for a benign lesion)": ~(
            (table["high_risk"] == 0) | (table["high_risk"] == 1) & (table["label"] == Pathology.BENIGN)
        ),
        "laterality is neither L nor R": ~table["laterality"].isin(list(Laterality)),
        "view is neither CC nor MLO": ~table["view"].isin(list(View)),
        "birads is not a BI-RADS category or empty": ~table["birads"].isin(["", *Birads]),
        "density is not A to D or empty": ~table["density"].isin(["", *Density]),
        "size_px is not above 0": ~(table["size_px"] > 0),
        "split is not train, val, test or empty": ~table["split"].isin(["", *Split]),
        "fold is below -1": ~(table["fold"] >= -1),
        "score is outside [0, 1]": ~table["score"].between(0, 1),
        "score_sd is outside [0, 1]": ~table["score_sd"].between(0, 1),
        "n_windows is below 1": ~(table["n_windows"] >= 1),
        **{f"{name} is outside [0, 1]": ~(table[name].isna() | table[name].between(0, 1)) for name in PREDICTORS},
    }


LESIONS = TableKind("lesion score table", LESION_COLUMNS, ("lesion_id",), _lesion_problems, "score the run again")


WINDOW_COLUMNS = {
    "lesion_id": "str",
    "window": "int64",
    "row": "float64",
    "col": "float64",
    "side": "float64",
    "score": "float64",
}
"""window: number within the lesion; row, col: center, and side, px of the network frame; score in [0, 1]."""


def write_window_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write it as .parquet; MammoError as TableKind.check."""
    WINDOWS.write(table, path, with_csv=False)


def read_window_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_window_table; MammoError as TableKind.read."""
    return WINDOWS.read(path)


def _window_problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    return {
        "lesion_id is empty": table["lesion_id"] == "",
        "row or col is missing or side is not above 0": table[["row", "col"]].isna().any(axis=1) | ~(table["side"] > 0),
        "score is outside [0, 1]": ~table["score"].between(0, 1),
    }


WINDOWS = TableKind(
    "window score table", WINDOW_COLUMNS, ("lesion_id", "window"), _window_problems, "score the run again"
)


IMAGE_CLASSES = ("malignant", "benign")
IMAGE_COLUMNS = {
    **dict.fromkeys(("image_id", "exam_id", "patient_id", "laterality", "view", "split"), "str"),
    "fold": "int64",
    "malignant": "int64",
    "score_malignant": "float64",
    "benign": "int64",
    "score_benign": "float64",
}
"""malignant, benign: 1 if the image shows such a lesion, else 0; fold: as in LESION_COLUMNS; scores in [0, 1]."""


def write_image_table(table: pd.DataFrame, path: Path) -> None:
    """Check the table and write it as .parquet and .csv; MammoError as TableKind.check."""
    IMAGES.write(table, path)


def read_image_table(path: Path) -> pd.DataFrame:
    """Read a parquet file of write_image_table; MammoError as TableKind.read."""
    return IMAGES.read(path)


def image_auc(table: pd.DataFrame, label: str) -> Interval:
    """AUC over images of one class (malignant or benign) with its patient-bootstrap interval; NaN if undefined."""
    return auc_interval(table[label], table[f"score_{label}"], table["patient_id"])


def _image_problems(table: pd.DataFrame) -> "dict[str, pd.Series[bool]]":
    labels = {f"{label} is not 0 or 1": ~table[label].isin((0, 1)) for label in IMAGE_CLASSES}
    return labels | {
        f"score_{label} is outside [0, 1]": ~table[f"score_{label}"].between(0, 1) for label in IMAGE_CLASSES
    }


IMAGES = TableKind("image score table", IMAGE_COLUMNS, ("image_id",), _image_problems, "test the run again")
