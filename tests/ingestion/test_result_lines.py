"""Ingest says where breasts do not fit into the network window, with a scale that fits them, and what was published."""

import re

import pandas as pd
import pytest

from mammo.geometry import Frame
from mammo.ingestion.result_lines import published_lines, scale_lines
from mammo.records import Cohort, Count, LeftOut
from mammo.store.manifest import Manifest

FRAME = Frame(2944, 1920, 64)


def store_of(rows: int, cols: int, scale: float) -> Manifest:
    """Return the tables of ten images whose breast boxes all have one size, stored px."""
    box = {"breast_row0": 0, "breast_row1": rows, "breast_col0": 0, "breast_col1": cols}
    return Manifest(FRAME, pd.DataFrame([{"source": "films", "scale": scale} | box] * 10), pd.DataFrame())


@pytest.mark.parametrize(
    ("rows", "cols", "scale"), [(4364, 1900, 1.0), (3310, 2500, 1.0), (600, 400, 1.0), (900, 500, 0.5)]
)
def test_the_advised_scale_fits_the_breasts(rows: int, cols: int, scale: float) -> None:
    (line,) = scale_lines(store_of(rows, cols, scale), "films")
    found = re.search(r"data.scale=([0-9.]+) fits", line)
    assert found
    advised = float(found[1])
    assert rows * advised <= FRAME.height * 1.06
    assert cols * advised <= FRAME.width * 1.06
    assert max(rows * advised / FRAME.height, cols * advised / FRAME.width) > 0.9
    assert ("cut by" in line) == (rows > 3000)


@pytest.mark.parametrize(("rows", "cols", "scale"), [(2800, 1500, 1.0), (4364, 2600, 0.65), (2944, 1920, 1.0)])
def test_there_is_no_advice_where_breasts_fit(rows: int, cols: int, scale: float) -> None:
    assert not list(scale_lines(store_of(rows, cols, scale), "films"))


def test_other_sources_do_not_count() -> None:
    assert not list(scale_lines(store_of(4364, 1900, 1.0), "another"))


def test_numbers_are_printed_beside_the_published_ones() -> None:
    counts = (Count("images", 3103, 3103), Count("patients", 1560, 1566), Count("lesions", 50, 100))
    cohort = Cohort((), (), (LeftOut("a", "", "x", "why"), LeftOut("b", "", "x", "why")), counts, ("A note",))
    assert list(published_lines(cohort)) == [
        "images: 3,103 found, 3,103 published",
        "patients: 1,560 found, 1,566 published",
        "lesions: 50 found, 100 published (differs by 50%: a part of the data set, or files are missing)",
        "2 lesions left out: why",
        "A note",
    ]
