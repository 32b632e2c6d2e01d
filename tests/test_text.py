"""Text of files in outputs: nothing acts in a terminal or a spreadsheet, and own ids can be read back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammo.records import MammoError
from mammo.text import csv_cell, printable, without_apostrophe


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
