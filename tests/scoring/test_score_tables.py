from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.scoring.score_tables import SIZES, TYPES, read_lesion_table, size_group, write_lesion_table


def table(**changes: object) -> pd.DataFrame:
    rows = {
        "lesion_id": ["a", "b", "c"],
        "image_id": ["i", "i", "j"],
        "exam_id": ["e", "e", "f"],
        "patient_id": ["p", "p", "q"],
        "label": ["malignant", "benign", "none"],
        "malignant": [1, 0, 0],
        "label_source": ["biopsy", "biopsy", "none"],
        "high_risk": [0, 1, 0],
        "finding": ["mass", "", ""],
        "laterality": ["L", "L", "R"],
        "view": ["CC", "CC", "MLO"],
        "vendor": ["a", "", "b"],
        "density": ["A", "", "D"],
        "size_px": [120.0, 128.0, 500.0],
        "split": ["test"] * 3,
        "score": [0.9, 0.2, 0.0],
        "score_sd": [0.1, 0.0, 0.5],
        "n_windows": [100, 100, 1],
    }
    return pd.DataFrame({**rows, **changes})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_lesion_table(table()[list(reversed(TYPES))], tmp_path / "lesions.parquet")
    read = read_lesion_table(tmp_path / "lesions.parquet")
    assert list(read.columns) == list(TYPES)
    assert read.to_dict("list") == table().to_dict("list")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lesions.csv", "lesions.parquet"]


def test_an_unknown_finding_is_empty_not_nan(tmp_path: Path) -> None:
    write_lesion_table(table(finding=["mass", None, np.nan]), tmp_path / "lesions.parquet")
    assert read_lesion_table(tmp_path / "lesions.parquet")["finding"].tolist() == ["mass", "", ""]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lesion_id": ["a", "a", "c"]}, "lesion a: comes twice"),
        ({"patient_id": ["p", "", "q"]}, "lesion b: an id is empty"),
        ({"patient_id": ["p", None, "q"]}, "lesion b: an id is empty"),
        ({"label": ["malignant", "Benign", "none"]}, "lesion b: label is not"),
        ({"malignant": [1, 1, 0]}, "lesion b: malignant is not 1"),
        ({"label_source": ["biopsy", "guess", "none"]}, "lesion b: label_source"),
        ({"view": ["CC", "XX", "MLO"]}, "lesion b: view"),
        ({"laterality": ["L", "left", "R"]}, "lesion b: laterality"),
        ({"high_risk": [0, 2, 0]}, "lesion b: high_risk"),
        ({"high_risk": [1, 0, 0]}, "lesion a: high_risk"),
        ({"size_px": [9, 0, 9]}, "lesion b: size_px"),
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


def test_sizes_are_told_apart_by_the_papers_windows() -> None:
    assert size_group(table()["size_px"]).tolist() == list(SIZES)
