"""Text of files in outputs: nothing acts in a terminal or a spreadsheet, and own ids can be read back."""

import ast
import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.records import MammoError
from mammo.text import csv_cell, print_event, print_text, printable, without_apostrophe


@given(st.text())
def test_no_cell_acts_and_text_that_can_be_printed_is_read_back(text: str) -> None:
    cell = csv_cell(text)
    assert cell.isprintable()
    assert cell.lstrip(" ")[:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") - {""}
    stream = io.StringIO(newline="")
    csv.writer(stream).writerow([cell, "end"])
    assert next(csv.reader(io.StringIO(stream.getvalue(), newline=""))) == [cell, "end"]
    if text.isprintable() and not text.startswith("'"):
        assert without_apostrophe(cell) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        (" @SUM(A1)", "' @SUM(A1)"),
        ("\r=1", "\\r=1"),
        ("\t=1", "\\t=1"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("left\u202eright", "left\\u202eright"),
        ("nul\x00", "nul\\x00"),
        ("\udcff", "\\udcff"),
        ("plain é 乳", "plain é 乳"),
    ],
)
def test_cells(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


def test_the_lines_of_a_message_stay_and_its_control_characters_do_not() -> None:
    assert printable("a\nb\x1b]0;x\x07", kept="\n") == "a\nb\\x1b]0;x\\x07"
    assert str(MammoError("lesion \x1b[2J: wrong\n- one")) == "lesion \\x1b[2J: wrong\n- one"


def test_printed_lines_hold_nothing_that_acts_in_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_text("a 5\u202fmm\nb \x1b[2J\r=1 \u202e\x00")
    assert capsys.readouterr().out == "a 5\u202fmm\nb \\x1b[2J\\r=1 \\u202e\\x00\n"


def test_everything_is_printed_by_that_function() -> None:
    package = Path(__file__).resolve().parent.parent / "mammo"
    found = [
        f"{path.relative_to(package)}:{node.lineno}"
        for path in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert [one.partition(":")[0] for one in found] == ["text.py"]


def test_a_line_of_a_log_begins_with_the_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    print_event("case \x1b: sent")
    stamp, _, rest = capsys.readouterr().out.partition(" ")
    assert before <= datetime.fromisoformat(stamp) <= datetime.now(UTC)
    assert rest == "case \\x1b: sent\n"
