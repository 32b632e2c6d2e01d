"""Score tables: written and read tables are equal, invalid rows are named, formulas are escaped in CSV."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.records import MammoError
from mammo.scoring.score_columns import LESION_COLUMNS
from mammo.scoring.score_file import read_score_file
from mammo.scoring.score_tables import (
    SIZE_GROUPS,
    TableKind,
    image_auc,
    read_image_table,
    read_lesion_table,
    read_window_table,
    safe_csv,
    size_group,
    write_image_table,
    write_lesion_table,
    write_window_table,
)
from mammo.scoring.trivial_predictors import PREDICTORS


def lesion_scores(**changes: object) -> pd.DataFrame:
    rows = {
        "lesion_id": ["a", "b", "c"],
        "image_id": ["i", "i", "j"],
        "finding_id": ["g", "", ""],
        "exam_id": ["e", "e", "f"],
        "source": ["table", "table", "other"],
        "patient_id": ["p", "p", "q"],
        "label": ["malignant", "benign", "none"],
        "malignant": [1, 0, 0],
        "label_source": ["biopsy", "unknown", "none"],
        "birads": ["4A", "", "0"],
        "pathology_type": ["IDC", "", ""],
        "high_risk": [0, 1, 0],
        "finding": ["mass", "", ""],
        "laterality": ["L", "L", "R"],
        "view": ["CC", "CC", "MLO"],
        "vendor": ["a", "", "b"],
        "density": ["A", "", "D"],
        "size_px": [120.0, 128.0, 500.0],
        "split": ["test"] * 3,
        "fold": [-1] * 3,
        "score": [0.9, 0.2, 0.0],
        "score_sd": [0.1, 0.0, 0.5],
        "n_windows": [100, 100, 1],
        **{name: [0.0, 0.5, 1.0] for name in PREDICTORS},
    }
    return pd.DataFrame({**rows, **changes})


def test_a_lesion_table_reads_back_as_written(tmp_path: Path) -> None:
    write_lesion_table(lesion_scores()[list(reversed(LESION_COLUMNS))], tmp_path / "lesions.parquet")
    read = read_lesion_table(tmp_path / "lesions.parquet")
    assert list(read.columns) == list(LESION_COLUMNS)
    assert read.to_dict("list") == lesion_scores().to_dict("list")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lesions.csv", "lesions.parquet"]


def test_an_unknown_finding_is_empty_not_nan(tmp_path: Path) -> None:
    write_lesion_table(lesion_scores(finding=["mass", None, np.nan]), tmp_path / "lesions.parquet")
    assert read_lesion_table(tmp_path / "lesions.parquet")["finding"].tolist() == ["mass", "", ""]


def test_a_lesion_table_from_before_findings_reads_as_one_of_unknown_findings(tmp_path: Path) -> None:
    old = lesion_scores().drop(columns="finding_id")
    old.to_parquet(tmp_path / "lesions.parquet")
    read = read_lesion_table(tmp_path / "lesions.parquet")
    assert read.to_dict("list") == lesion_scores(finding_id=[""] * 3).to_dict("list")
    assert list(read.columns) == list(LESION_COLUMNS)
    with pytest.raises(MammoError, match=r"missing columns \['finding_id'\]"):
        write_lesion_table(old, tmp_path / "new.parquet")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lesion_id": ["a", "a", "c"]}, "lesion a: duplicate row"),
        ({"patient_id": ["p", "", "q"]}, "lesion b: an id is empty"),
        ({"patient_id": ["p", None, "q"]}, "lesion b: an id is empty"),
        ({"label": ["malignant", "Benign", "none"]}, "lesion b: label is not"),
        ({"malignant": [1, 1, 0]}, "lesion b: malignant is not 1"),
        ({"label_source": ["biopsy", "guess", "none"]}, "lesion b: label_source"),
        ({"birads": ["4A", "4D", ""]}, "lesion b: birads is not a BI-RADS category or empty"),
        ({"view": ["CC", "XX", "MLO"]}, "lesion b: view"),
        ({"laterality": ["L", "left", "R"]}, "lesion b: laterality"),
        ({"high_risk": [0, 2, 0]}, "lesion b: high_risk"),
        ({"high_risk": [1, 0, 0]}, "lesion a: high_risk"),
        ({"size_px": [9, 0, 9]}, "lesion b: size_px"),
        ({"split": ["test", "exam", "test"]}, "lesion b: split"),
        ({"trivial_gray": [0.2, np.nan, 1.5]}, "lesion c: trivial_gray is outside"),
        ({"fold": [0, 1, -2]}, "lesion c: fold is below -1"),
        ({"score": [0.9, np.nan, 0.0]}, "lesion b: score is outside"),
        ({"score": [0.9, 1.2, 0.0]}, "lesion b: score is outside"),
        ({"score": [0.9, "high", 0.0]}, "lesion b: score is outside"),
        ({"score_sd": [0.1, np.nan, 0.5]}, "lesion b: score_sd"),
        ({"n_windows": [100, 0, 1]}, "lesion b: n_windows"),
    ],
)
def test_an_invalid_lesion_row_is_named(tmp_path: Path, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MammoError, match=problem):
        write_lesion_table(lesion_scores(**changes), tmp_path / "lesions.parquet")
    assert not list(tmp_path.iterdir())


def test_unknown_columns_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"missing columns \['score'\], unknown \['prob'\]"):
        write_lesion_table(lesion_scores().rename(columns={"score": "prob"}), tmp_path / "lesions.parquet")


def test_a_missing_or_broken_lesion_table_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lesions.parquet"
    with pytest.raises(MammoError, match="no such lesion score table"):
        read_lesion_table(path)
    path.write_bytes(b"PAR1 half a file")
    with pytest.raises(MammoError, match="not a readable parquet file"):
        read_lesion_table(path)


def test_size_groups_are_bounded_by_the_papers_window_sizes() -> None:
    assert size_group(lesion_scores()["size_px"]).tolist() == list(SIZE_GROUPS)


WINDOW_SCORES = pd.DataFrame(
    {
        "lesion_id": ["a", "a", "b"],
        "window": [0, 1, 0],
        "row": [10.5, 20.0, 30.0],
        "col": [1.0, 2.0, 3.0],
        "side": [16.0, 48.0, 20.5],
        "score": [0.1, 1.0, 0.5],
    }
)


def test_a_window_table_reads_back_as_written(tmp_path: Path) -> None:
    write_window_table(WINDOW_SCORES, tmp_path / "windows.parquet")
    pd.testing.assert_frame_equal(read_window_table(tmp_path / "windows.parquet"), WINDOW_SCORES, check_dtype=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": [0, 0, 0]}, "lesion a, window 0: duplicate row"),
        ({"score": [0.1, 2.0, 0.5]}, "lesion a, window 1: score"),
        ({"row": [1.0, np.nan, 1.0]}, "window 1: row or col is missing or side is not above 0"),
        ({"side": [1.0, 0.0, 1.0]}, "window 1: row or col is missing or side is not above 0"),
        ({"lesion_id": ["", "a", "b"]}, "lesion_id is empty"),
    ],
)
def test_an_invalid_window_row_is_named(tmp_path: Path, changes: dict[str, list[float]], message: str) -> None:
    with pytest.raises(MammoError, match=message):
        write_window_table(WINDOW_SCORES.assign(**changes), tmp_path / "windows.parquet")


@pytest.fixture
def image_scores() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": [f"I{number}" for number in range(80)],
            "exam_id": [f"E{number // 4}" for number in range(80)],
            "patient_id": [f"P{number // 4}" for number in range(80)],
            "laterality": "L",
            "view": "CC",
            "split": "test",
            "fold": -1,
            "malignant": rng.integers(0, 2, 80),
            "benign": rng.integers(0, 2, 80),
            "score_malignant": rng.uniform(size=80),
            "score_benign": rng.uniform(size=80),
        }
    )


def test_an_image_table_reads_back_as_written(image_scores: pd.DataFrame, tmp_path: Path) -> None:
    write_image_table(image_scores, tmp_path / "images.parquet")
    read = read_image_table(tmp_path / "images.parquet")
    pd.testing.assert_frame_equal(read, image_scores[read.columns])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.csv", "images.parquet"]


@pytest.mark.parametrize("label", ["malignant", "benign"])
def test_the_image_auc_equals_scikit_learns_and_lies_in_its_interval(image_scores: pd.DataFrame, label: str) -> None:
    found = image_auc(image_scores, label)
    assert found.value == pytest.approx(roc_auc_score(image_scores[label], image_scores[f"score_{label}"]))
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score_benign", 1.2, "I3"),
        ("malignant", 2, "I3"),
        ("score_malignant", np.nan, "I3"),
        ("image_id", "I0", "I0: duplicate"),
    ],
)
def test_an_invalid_image_row_is_named(
    image_scores: pd.DataFrame, tmp_path: Path, column: str, value: object, message: str
) -> None:
    image_scores = image_scores.astype({"malignant": float})
    image_scores.loc[3, column] = value
    with pytest.raises(MammoError, match=message):
        write_image_table(image_scores, tmp_path / "images.parquet")
    assert not list(tmp_path.iterdir())


def test_an_unreadable_image_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"images\.parquet"):
        read_image_table(tmp_path / "images.parquet")
    (tmp_path / "images.parquet").write_bytes(b"no parquet")
    with pytest.raises(MammoError, match=r"images\.parquet"):
        read_image_table(tmp_path / "images.parquet")


KIND = TableKind(
    "visit table",
    {"patient_id": ("str", "the patient"), "visit": ("int64", "number of the visit")},
    ("patient_id", "visit"),
    lambda table: {},
    "write it again",
)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_formula_is_escaped_in_csv_and_unchanged_in_parquet(tmp_path: Path, start: str) -> None:
    evil = start + 'cmd|" /C calc"!A0'
    KIND.write(pd.DataFrame({"patient_id": [evil, "b"], "visit": [1, 1]}), tmp_path / "visits.parquet")
    with (tmp_path / "visits.csv").open(newline="") as file:
        cells = [row["patient_id"] for row in csv.DictReader(file)]
    shown = repr(evil)[1:-1] if start.isspace() else "'" + evil
    assert cells == [shown, "b"]
    assert KIND.read(tmp_path / "visits.parquet")["patient_id"][0] == evil


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    safe_csv(pd.DataFrame({"x": [-0.5, np.nan], "y": ["-a", "b"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "x,y\n-0.5,'-a\n,b\n"


def test_a_duplicate_key_of_two_columns_is_rejected(tmp_path: Path) -> None:
    visits = pd.DataFrame({"visit": [1, 2, 1], "patient_id": ["a", "a", "b"]})
    KIND.write(visits, tmp_path / "visits.parquet", with_csv=False)
    assert [path.name for path in tmp_path.iterdir()] == ["visits.parquet"]
    assert KIND.read(tmp_path / "visits.parquet")["visit"].tolist() == [1, 2, 1]
    with pytest.raises(MammoError, match=r"t: patient a, visit 1: duplicate row \(affected rows: 1\); write it again"):
        KIND.check(visits.assign(visit=1), "t")


def test_a_changed_copy_is_rejected_and_one_of_another_name_is_not(tmp_path: Path) -> None:
    write_lesion_table(lesion_scores(), tmp_path / "lesions.parquet")
    copy = tmp_path / "lesions.csv"
    read_score_file(copy)
    times, content = copy.stat(), copy.read_text()
    copy.write_text(content.replace("0.", "1.", 1))
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(MammoError, match=r"lesions\.csv was changed since it was .* lesions\.parquet: restore"):
        read_score_file(copy)
    (tmp_path / "own.csv").write_text(content)
    read_score_file(tmp_path / "own.csv")
