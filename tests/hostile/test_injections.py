"""Injection strings in every field of every output: nothing acts in a terminal, a spreadsheet or a page."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from mammo.compare import main as compare_command
from mammo.intake.source_tables import read_rows
from mammo.records import MammoError
from mammo.reporting.page import environment
from mammo.scoring.score_tables import safe_csv
from mammo.store.pseudonyms import OWN_IDS
from tests.hostile.effects import checked_sentence
from tests.hostile.injections import CONTROL, STRINGS

STARTS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
FIELDS = ("lesion_id", "image_id", "exam_id", "patient_id", "split", "label", "finding", "birads", "pathology_type")
FIELDS += ("vendor", "density", "laterality", "view", "source", "file")
"""Fifteen columns of text of the tables that are written."""


def is_number(cell: str) -> bool:
    """Whether a cell is a number as Python writes it, which a spreadsheet shows as it is."""
    return re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?", cell) is not None


def check_csv(text: str) -> None:
    """Check that no cell of a CSV file acts in a spreadsheet, and no byte in a terminal."""
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        for cell in row:
            assert cell.isprintable(), cell
            assert not cell.lstrip(" ").startswith(STARTS) or is_number(cell), cell


@pytest.mark.parametrize("field", FIELDS)
def test_no_cell_of_a_score_table_acts(field: str, tmp_path: Path) -> None:
    safe_csv(pd.DataFrame({field: STRINGS, "score": 0.5}), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="", encoding="utf-8") as stream:
        text = stream.read()
    check_csv(text)
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == len(STRINGS) + 1


def test_no_heading_acts(tmp_path: Path) -> None:
    safe_csv(pd.DataFrame({name: [1] for name in STRINGS}), tmp_path / "t.csv")
    check_csv((tmp_path / "t.csv").read_text())


def test_no_cell_of_the_local_tables_acts_and_ids_are_read_back(tmp_path: Path) -> None:
    rows = [("lesion", str(number), "mine", text, text) for number, text in enumerate(STRINGS)]
    OWN_IDS.write(tmp_path, "mine", rows, ["mine"])
    check_csv((tmp_path / "ids.csv").read_bytes().decode())
    read = [row["source_id"] for row in OWN_IDS.read(tmp_path)]
    assert [one for one, text in zip(read, STRINGS, strict=True) if text.isprintable() and text[0] != "'"] == [
        text for text in STRINGS if text.isprintable() and text[0] != "'"
    ]


@pytest.mark.parametrize("text", CONTROL)
def test_an_error_repeats_no_control_character(text: str, tmp_path: Path) -> None:
    checked_sentence(str(MammoError(f"lesion {text}: its outline cannot be read")).replace("\n", " "))
    (tmp_path / "t.csv").write_text(f"path,{'x'}\n{text!r},1\n", encoding="utf-8")
    for row in read_rows(tmp_path / "t.csv"):
        checked_sentence(str(row.error("path", "give another one")))


@pytest.mark.parametrize("text", [text for text in STRINGS if "\n" not in text and "\r" not in text])
def test_compare_names_a_hostile_lesion_in_one_printable_line(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, ids in (("a.csv", [text, "b"]), ("b.csv", ["c", "b"])):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as stream:
            rows = [[one, f"p{number}", number, 0.5] for number, one in enumerate(ids)]
            csv.writer(stream).writerows([["lesion_id", "patient_id", "malignant", "score"], *rows])
    assert compare_command([str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]) == 2
    printed = capsys.readouterr()
    checked_sentence(printed.err.strip())
    assert printed.out.replace("\n", "").isprintable()


class Elements(HTMLParser):
    """Collects the names of elements and attributes that act."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] if tag in ("script", "img", "iframe", "b") else []
        self.found += [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("text", STRINGS)
def test_a_page_shows_a_string_and_does_not_run_it(text: str) -> None:
    values = {"text": text, "rows": [text, {text: text}]}
    page = environment().from_string("{{ text }} {{ rows }} {{ text | cell }}").render(values)
    assert page.replace("\n", " ").isprintable()
    parser = Elements()
    parser.feed(page)
    assert parser.found == []
    script = environment().from_string("{{ rows | script_data }}").render(values)
    assert script.isprintable()
    assert "</" not in script
