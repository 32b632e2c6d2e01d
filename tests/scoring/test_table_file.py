"""Table files: escaped formulas, numbers, and keys of several columns."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.scoring.table_file import TableKind, safe_csv

KIND = TableKind(
    "visit table", {"patient_id": "str", "visit": "int64"}, ("patient_id", "visit"), lambda table: {}, "write it again"
)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"])
def test_a_formula_is_escaped_in_csv_and_unchanged_in_parquet(tmp_path: Path, start: str) -> None:
    evil = start + 'cmd|" /C calc"!A0'
    KIND.write(pd.DataFrame({"patient_id": [evil, "b"], "visit": [1, 1]}), tmp_path / "visits.parquet")
    with (tmp_path / "visits.csv").open(newline="") as file:
        cells = [row["patient_id"] for row in csv.DictReader(file)]
    assert cells == ["'" + evil, "b"]
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
