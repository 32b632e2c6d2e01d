"""Numbers as text: rounded where they are defined, and one word where they are not."""

from math import inf, nan
from pathlib import Path

import pandas as pd
import pytest

from mammo.scoring.number_text import json_number, number_text, p_text, range_text, signed_text
from mammo.scoring.score_tables import safe_csv


def test_defined_numbers_are_rounded() -> None:
    assert number_text(0.12349) == "0.123"
    assert number_text(2.0, 0) == "2"
    assert signed_text(-0.0214) == "-0.021"
    assert signed_text(0.0214) == "+0.021"
    assert range_text((0.5, 0.75)) == "0.500 to 0.750"
    assert range_text((-0.5, 0.75), is_signed=True) == "-0.500 to +0.750"
    assert p_text(0.0214) == "p = 0.021"
    assert p_text(0.0001) == "p < 0.001"
    assert json_number(0.5) == 0.5


@pytest.mark.parametrize("value", [None, nan, inf, -inf])
def test_an_undefined_number_has_one_word(value: float | None) -> None:
    assert number_text(value) == signed_text(value) == "undefined"
    assert range_text((0.1, value)) == range_text((value, value), is_signed=True) == range_text(None) == "undefined"
    assert p_text(value) == "p undefined"


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_an_undefined_number_is_null_in_json_and_an_empty_cell_in_csv(value: float, tmp_path: Path) -> None:
    assert json_number(value) is None
    safe_csv(pd.DataFrame({"maps": ["emb"], "auc": [value], "n": [3]}), tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "maps,auc,n\nemb,,3\n"
