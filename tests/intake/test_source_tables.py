from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from mammo.intake.source_tables import further_tables, read_rows
from mammo.records import MammoError

ROWS = [{"left_or_right_breast": "LEFT", "id": "0012", "n": "3", "empty": ""}]


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    written = "\ufeffleft or right breast,ID,n,empty\r\n LEFT\u200b,0012,3,NA\r\n,,,\r\n"
    (tmp_path / "a.csv").write_bytes(written.encode())
    (tmp_path / "b.csv").write_text("Left or right breast;id;N;empty;\nLEFT;0012;3;;\n")
    frame = pd.DataFrame({"left or right breast": ["LEFT"], "ID": ["0012"], "n": [3], "empty": [None]})
    frame.to_parquet(tmp_path / "c.parquet")
    frame.to_excel(tmp_path / "d.xlsx", index=False)
    for name in ("a.csv", "b.csv", "c.parquet", "d.xlsx"):
        assert [dict(row.values) for row in read_rows(tmp_path / name)] == ROWS, name


def test_a_quoted_line_break_belongs_to_its_cell(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,"x\n"\n2,y\n')
    rows = list(read_rows(tmp_path / "a.csv"))
    assert [(row.number, row.get("b")) for row in rows] == [(3, "x"), (4, "y")]


def test_only_the_named_columns_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c\n1,2,3\n")
    (row,) = read_rows(tmp_path / "a.csv", needed=["b"], kept=["c", "z"])
    assert row.values == {"b": "2", "c": "3"}


def test_missing_columns_and_unreadable_tables_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(MammoError, match="lacks the column b: its header must name a, b"):
        list(read_rows(tmp_path / "a.csv", needed=["a", "b"]))
    with pytest.raises(MammoError, match=r"z\.csv is missing"):
        list(read_rows(tmp_path / "z.csv"))
    for name in ("b.xlsx", "c.parquet"):
        (tmp_path / name).write_text("nothing")
        with pytest.raises(MammoError, match="cannot be read as a table"):
            list(read_rows(tmp_path / name))


def test_whole_numbers_of_a_sheet_have_no_decimal_point(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["File Name"])
    book.active.append([22678622.0])
    book.save(tmp_path / "a.xlsx")
    assert [row.get("file_name") for row in read_rows(tmp_path / "a.xlsx")] == ["22678622"]


@pytest.mark.parametrize("kind", ["a.xlsx", "a.parquet", "a.csv"])
def test_ids_whose_last_digits_are_lost_are_an_error_that_asks_for_text(tmp_path: Path, kind: str) -> None:
    ids, file = [20231234567890123, 20231234567890125], tmp_path / kind
    floats = pd.DataFrame({"Patient ID": np.array(ids, dtype=np.float64), "side": "L"})
    write(floats, file)
    message = "row 2: patient_id '.*': its last digits are lost, .* store the column as text"
    row, _ = read_rows(file)
    assert row.get("side") == "L"
    with pytest.raises(MammoError, match=message):
        row.get("patient_id")
    write(floats.assign(**{"Patient ID": [str(key) for key in ids]}), file)
    assert [row.get("patient_id") for row in read_rows(file)] == [str(key) for key in ids]
    write(floats.assign(**{"Patient ID": [999999999999999.0, 7.0]}), file)
    assert [row.get("patient_id").removesuffix(".0") for row in read_rows(file)] == ["999999999999999", "7"]


def test_whole_numbers_are_exact_in_parquet_and_rounded_by_excel(tmp_path: Path) -> None:
    ids = [20231234567890123, 20231234567890125]
    for name, exact in (("a.parquet", True), ("a.xlsx", False), ("a.csv", True)):
        write(pd.DataFrame({"id": ids}), tmp_path / name)
        row, _ = read_rows(tmp_path / name)
        assert (not row.rounded) == exact
    (tmp_path / "b.csv").write_text("id,x,note\n2.02312E+11,1.000e+02,a+1\n")
    (row,) = read_rows(tmp_path / "b.csv")
    assert (row.rounded, row.get("x"), row.get("note")) == ({"id"}, "1.000e+02", "a+1")


def write(table: pd.DataFrame, file: Path) -> None:
    """Write a table in the format of its file's suffix."""
    if file.suffix == ".xlsx":
        table.to_excel(file, index=False)
    elif file.suffix == ".csv":
        table.to_csv(file, index=False)
    else:
        table.to_parquet(file)


def test_further_sheets_with_rows_of_the_same_columns_are_found(tmp_path: Path) -> None:
    rows = pd.DataFrame({"Patient ID": [1], "side": ["L"]})
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        rows.to_excel(book, index=False, sheet_name="reader A")
        rows.iloc[:0].to_excel(book, index=False, sheet_name="no rows")
        pd.DataFrame({"side": ["L"], "meaning": ["left"]}).to_excel(book, index=False, sheet_name="legend")
        pd.DataFrame().to_excel(book, sheet_name="empty")
        rows.rename(columns={"Patient ID": "patient_id"}).to_excel(book, sheet_name="reader B")
    assert further_tables(tmp_path / "a.xlsx") == ["reader B"]
    assert further_tables(tmp_path / "a.csv") == []


@pytest.mark.parametrize("end", ["", '3,"z"\n'])
def test_a_quote_that_is_not_closed_is_an_error_that_names_the_rows_that_it_joins(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.csv").write_text(f'a,b\n1,2" wide\n1,"x\n2,y\n{end}')
    message = f"row 3: a quote is not closed, so that the rows to {5 if end else 4} are one cell"
    with pytest.raises(MammoError, match=message):
        list(read_rows(tmp_path / "a.csv"))
