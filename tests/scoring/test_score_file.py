"""Score files: reading, rejected files, and matching by lesion."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.scoring.score_file import ScoreFile, check_disjoint, match_lesions, read_score_file, score_table

GOOD = "lesion_id,patient_id,malignant,score\na,p,1,0.9\nb,p,0,0.2\nc,q,0,0.4\n"


def read(folder: Path, text: str | bytes = GOOD, name: str = "a.csv") -> ScoreFile:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_score_file(path)


def test_the_columns_are_read_with_their_types(tmp_path: Path) -> None:
    table = read(tmp_path).table
    assert table["lesion_id"].tolist() == ["a", "b", "c"]
    assert table["malignant"].tolist() == [1, 0, 0]
    assert table["score"].tolist() == [0.9, 0.2, 0.4]
    assert table.index.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", " , "),
        "score,malignant,lesion_id,patient_id\n0.9,1.0,a,p\n\n0.2,0.0,b,p\n2e-1,0,c,q\n\n".replace("2e-1", "4e-1"),
        GOOD.replace("lesion_id", '"lesion_id"').replace("a,p", '"a","p"'),
    ],
    ids=["byte order mark", "Windows lines", "spaces", "another order, empty lines", "quotes"],
)
def test_other_spellings_of_the_same_table_read_the_same(tmp_path: Path, text: str) -> None:
    columns = ["lesion_id", "patient_id", "malignant", "score"]
    assert read(tmp_path, text).table[columns].equals(read(tmp_path).table[columns])


def test_ids_stay_text_and_other_columns_are_kept(tmp_path: Path) -> None:
    table = read(tmp_path, "lesion_id,patient_id,malignant,score,view\n007,NA,1,1,CC\n7,nan,0,0,\n").table
    assert table["lesion_id"].tolist() == ["007", "7"]
    assert table["patient_id"].tolist() == ["NA", "nan"]
    assert table["view"].tolist() == ["CC", ""]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("b,p,0,0.2", "a,p,0,0.2"), r"row 2: lesion_id a is also in row 1"),
        (("b,p,0,0.2", "b,p,0,1.2"), r"row 2 \(lesion b\): score 1.2 is outside \[0, 1\]"),
        (("b,p,0,0.2", "b,p,0,-0.1"), r"row 2 \(lesion b\): score -0.1 is outside"),
        (("b,p,0,0.2", "b,p,0,inf"), r"score inf is outside"),
        (("b,p,0,0.2", "b,p,0,nan"), r"row 2 \(lesion b\): score is 'nan', not a number"),
        (("b,p,0,0.2", "b,p,0,"), r"score is '', not a number"),
        (("b,p,0,0.2", 'b,p,0,"0,2"'), r"score is '0,2', not a number"),
        (("b,p,0,0.2", "b,p,0,0_1"), r"score is '0_1', not a number"),
        (("b,p,0,0.2", "b,p,benign,0.2"), r"row 2 \(lesion b\): malignant is 'benign'; write 1"),
        (("b,p,0,0.2", "b,p,2,0.2"), r"malignant is '2'"),
        (("b,p,0,0.2", "b,p,0.5,0.2"), r"malignant is '0.5'"),
        (("b,p,0,0.2", ",p,0,0.2"), r"row 2: lesion_id is empty"),
        (("b,p,0,0.2", "b,,0,0.2"), r"row 2 \(lesion b\): patient_id is empty"),
        (("b,p,0,0.2", "b,p,0"), r"row 2: 3 cells, but the header has 4"),
        (("b,p,0,0.2", "b,p,0,0.2,x"), r"row 2: 5 cells"),
        (("malignant", "label"), r"column malignant is missing \(found: lesion_id, patient_id, label, score\)"),
        ((",score", ";score"), r"column malignant is missing"),
        (("patient_id", "lesion_id"), r"column patient_id is missing"),
        (("score\n", "score,\n"), r"row 1: 4 cells, but the header has 5"),
        ((GOOD, ""), r"the file is empty"),
        ((GOOD, "\n\n"), r"the file is empty"),
        (("b,p", 'b"x","p'), r"not a readable CSV"),
    ],
)
def test_an_invalid_value_is_rejected_with_file_row_and_value(
    tmp_path: Path, changed: tuple[str, str], message: str
) -> None:
    with pytest.raises(MammoError, match=rf"a\.csv.*{message}"):
        read(tmp_path, GOOD.replace(*changed))


def test_a_duplicate_column_another_encoding_and_a_missing_file_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="duplicate column 'score'"):
        read(tmp_path, GOOD.replace("score\n", "score,score\n"))
    with pytest.raises(MammoError, match=r"a\.csv: not a readable CSV file in UTF-8 \(line 3\)"):
        read(tmp_path, GOOD.replace("b,p", "b,\u00e9").encode("latin-1"))
    for missing in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(MammoError, match="not a readable CSV"):
            read_score_file(missing)


def test_a_table_without_lesions_is_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, GOOD.splitlines()[0]).table) == 0


def test_files_are_matched_by_lesion_in_any_row_order(tmp_path: Path) -> None:
    other = "patient_id,lesion_id,score,malignant\nq,c,0.1,0\np,a,0.7,1\np,b,0.3,0\n"
    first, second = match_lesions([read(tmp_path), read(tmp_path, other, "b.csv")])
    assert second.table["lesion_id"].tolist() == first.table["lesion_id"].tolist()
    assert second.table["score"].tolist() == [0.7, 0.3, 0.1]
    assert second.table.index.tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (("c,q,0,0.4", "d,q,0,0.4"), r"b\.csv, row 3: lesion d is not in .*a\.csv \(2 lesions"),
        (("c,q,0,0.4\n", ""), r"a\.csv, row 3: lesion c is not in .*b\.csv \(1 lesions"),
        (("b,p,0", "b,p,1"), r"b\.csv, row 2: lesion b has malignant 1, but 0 in .*a\.csv, row 2"),
        (("b,p,0", "b,z,0"), r"b\.csv, row 2: lesion b has patient_id z, but p in .*a\.csv, row 2"),
    ],
)
def test_files_that_disagree_are_rejected(tmp_path: Path, changed: tuple[str, str], message: str) -> None:
    with pytest.raises(MammoError, match=message):
        match_lesions([read(tmp_path), read(tmp_path, GOOD.replace(*changed), "b.csv")])


def test_thresholds_from_evaluated_patients_are_rejected(tmp_path: Path) -> None:
    test = read(tmp_path)
    with pytest.raises(MammoError, match=r"val\.csv, row 2: patient q is also in .*a\.csv \(patients in both: 1\)"):
        check_disjoint(read(tmp_path, GOOD.replace("a,p", "x,z").replace("b,p", "y,q"), "val.csv"), test)
    with pytest.raises(MammoError, match=r"val\.csv: no malignant lesion"):
        check_disjoint(read(tmp_path, "lesion_id,patient_id,malignant,score\nx,y,0,0.1\n", "val.csv"), test)
    named = "lesion_id,patient_id,malignant,score,split\nx,y,1,0.1,val\nz,r,0,0.2,test\n"
    with pytest.raises(MammoError, match=r"val\.csv, row 2: the lesion has split test \(such lesions: 1\)"):
        check_disjoint(read(tmp_path, named, "val.csv"), test)


@pytest.mark.parametrize("column", ["malignant", "score", "patient_id", "lesion_id"])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_values_of_a_data_frame_are_counted_in_one_sentence(column: str, missing: object) -> None:
    facts = {
        "lesion_id": list("abcd"),
        "patient_id": list("pqrs"),
        "malignant": [1, 0, 1, 0],
        "score": [0.9, 0.1, 0.8, 0],
    }
    table = pd.DataFrame(facts, dtype=object)
    table.loc[[1, 3], column] = missing
    with pytest.raises(MammoError, match=f"^table: column {column} has no value in 2 of 4 rows, first in row 2: fill"):
        score_table(table)
    numbers = pd.DataFrame(facts).astype({"malignant": "Int64", "score": "Float64"})
    assert score_table(numbers).table["malignant"].tolist() == [1, 0, 1, 0]
