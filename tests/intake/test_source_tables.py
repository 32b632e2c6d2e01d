from pathlib import Path

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
