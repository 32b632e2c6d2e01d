import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.scoring.lesion_table import COLUMNS, read_lesion_table, write_lesion_table
from mammo.scoring.table_file import safe_csv


def table(**changes: object) -> pd.DataFrame:
    rows = {
        "lesion_id": ["a", "b", "c"],
        "image_id": ["i", "i", "j"],
        "exam_id": ["e", "e", "f"],
        "patient_id": ["p", "p", "q"],
        "label": ["malignant", "benign", "none"],
        "malignant": [1, 0, 0],
        "label_source": ["biopsy", "biopsy", "none"],
        "finding": ["mass", "", ""],
        "view": ["CC", "CC", "MLO"],
        "split": ["test"] * 3,
        "score": [0.9, 0.2, 0.0],
        "score_sd": [0.1, 0.0, 0.5],
        "n_windows": [100, 100, 1],
    }
    return pd.DataFrame({**rows, **changes})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_lesion_table(table()[list(reversed(COLUMNS))], tmp_path / "lesions.parquet")
    read = read_lesion_table(tmp_path / "lesions.parquet")
    assert list(read.columns) == list(COLUMNS)
    assert read.to_dict("list") == table().to_dict("list")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lesions.csv", "lesions.parquet"]


def test_an_unknown_finding_is_empty_not_nan(tmp_path: Path) -> None:
    write_lesion_table(table(finding=["mass", None, np.nan]), tmp_path / "lesions.parquet")
    assert read_lesion_table(tmp_path / "lesions.parquet")["finding"].tolist() == ["mass", "", ""]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lesion_id": ["a", "a", "c"]}, "lesion a comes twice"),
        ({"patient_id": ["p", "", "q"]}, "lesion b: an id is empty"),
        ({"patient_id": ["p", None, "q"]}, "lesion b: an id is empty"),
        ({"label": ["malignant", "Benign", "none"]}, "lesion b: label is not"),
        ({"malignant": [1, 1, 0]}, "lesion b: malignant is not 1"),
        ({"label_source": ["biopsy", "guess", "none"]}, "lesion b: label_source"),
        ({"view": ["CC", "XX", "MLO"]}, "lesion b: view"),
        ({"split": ["test", "exam", "test"]}, "lesion b: split"),
        ({"score": [0.9, np.nan, 0.0]}, "lesion b: score is outside"),
        ({"score": [0.9, 1.2, 0.0]}, "lesion b: score is outside"),
        ({"score": [0.9, "high", 0.0]}, "lesion b: score is outside"),
        ({"score_sd": [0.1, np.nan, 0.5]}, "lesion b: score_sd"),
        ({"n_windows": [100, 0, 1]}, "lesion b: n_windows"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MammoError, match=problem):
        write_lesion_table(table(**changes), tmp_path / "lesions.parquet")
    assert not list(tmp_path.iterdir())


def test_other_columns_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"missing columns \['score'\], unknown \['prob'\]"):
        write_lesion_table(table().rename(columns={"score": "prob"}), tmp_path / "lesions.parquet")


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lesions.parquet"
    with pytest.raises(MammoError, match="no such lesion score table"):
        read_lesion_table(path)
    path.write_bytes(b"PAR1 half a file")
    with pytest.raises(MammoError, match="not a readable parquet file"):
        read_lesion_table(path)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_formula_is_defused_in_csv_and_true_in_parquet(tmp_path: Path, start: str) -> None:
    evil = start + 'cmd|" /C calc"!A0'
    write_lesion_table(table(lesion_id=[evil, "b", "c"]), tmp_path / "lesions.parquet")
    with (tmp_path / "lesions.csv").open(newline="") as file:
        cells = [row["lesion_id"] for row in csv.DictReader(file)]
    assert cells == ["'" + evil, "b", "c"]
    assert read_lesion_table(tmp_path / "lesions.parquet")["lesion_id"][0] == evil


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    safe_csv(pd.DataFrame({"x": [-0.5, np.nan], "y": ["-a", "b"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "x,y\n-0.5,'-a\n,b\n"
