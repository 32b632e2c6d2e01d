"""Boxes and circles under the names that people give their columns: rows 90 to 110, columns 30 to 50."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Box
from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_outlines import (
    given_outline,
    has_outlines,
    reaches_beyond,
    read_outline,
)
from mammo.intake.extents import OutlineError
from mammo.records import MammoError

SHAPE = (200, 120)


def entry(outline: str = "", mask: str = "", **others: object) -> Entry:
    fields = {name: cell for name, cell in (("image", "a.dcm"), ("outline", outline), ("mask", mask)) if cell}
    cells = {name: str(cell) for name, cell in others.items() if cell != ""}
    return Entry(Path("lesions.csv"), "row 2", fields, {}, cells)


def box_of(row: Entry) -> Box:
    return read_outline(Path(), row, given_outline(row), "", "a.dcm", SHAPE)[1]


@pytest.mark.parametrize(
    "cells",
    [
        {"row0": 90, "row1": 110, "col0": 30, "col1": 50},
        {"x": 30, "y": 90, "w": 20, "h": 20},
        {"x": "30.0", "y": "90", "width": 20, "height": "2e1"},
        {"xmin": 30, "ymin": 90, "xmax": 50, "ymax": 110},
        {"xmin": 30, "ymin": 90, "xmax": 50, "ymax": 110, "width": 120, "height": 200},
        {"xmin": 30, "ymin": 90, "xmax": 50, "ymax": 110, "width": 20, "height": 20},
        {"xmin": 30, "ymin": 90, "xmax": 50, "ymax": 110, "w": 20, "h": 20, "width": 120, "height": 200},
        {"xmin": 30, "ymin": 90, "width": 20, "height": 20},
        {"x": "30,0", "y": "90,00", "w": "20,0", "h": 20},
        {"x1": 30, "y1": 90, "x2": 50, "y2": 110},
        {"x0": 30, "y0": 90, "x1": 50, "y1": 110},
        {"left": 30, "top": 90, "right": 50, "bottom": 110},
        {"xcenter": 40, "ycenter": 100, "width": 20, "height": 20},
        {"row": 100, "col": 40, "radius": 10},
        {"x": 40, "y": 100, "r": 10},
        {"x": 40, "y": 100, "r": 10, "radius": 10},
        {"row0": 90, "row1": 110, "col0": 30, "col1": 50, "width": 120, "height": 200},
        {"outline": "90,30;90,50;110,50;110,30;", "width": 20, "height": 20},
        {"outline": "90,30;90,50;110,50;110,30;"},
    ],
)
def test_every_form_gives_the_same_place(cells: dict[str, object]) -> None:
    row = entry(**cells)  # type: ignore[arg-type]
    assert box_of(row) == Box(90, 110, 30, 50)
    assert has_outlines(cells)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"x": 30, "y": 90, "w": 20, "h": 20, "r": 10}, "has several outlines: x, y, w, h and y, x, r; keep one"),
        ({"x": 30, "y": 90, "w": 20, "h": 20, "outline": "none"}, "x, y, w, h and outline=none"),
        ({"x": 30, "y": 90, "w": 20, "h": 20, "mask": "m.png"}, "mask and x, y, w, h"),
        ({"x": 30, "y": 90}, "the outline cannot be read from x, y alone; give mask, or"),
        ({"bbox": "[30,90,20,20]"}, "cannot be read from bbox alone"),
        ({"polygon": "30,90 50,90"}, "cannot be read from polygon alone"),
        ({}, "has no outline; give mask, or"),
        (
            {"x": 30, "y": 90, "w": 20, "h": 20, "x2": 60, "y2": 90, "w2": 5, "h2": 5},
            "a second outline in x2, y2, w2, h2: give every lesion a row",
        ),
    ],
)
def test_none_several_or_half_an_outline_is_an_error_that_names_the_choices(
    cells: dict[str, object], message: str
) -> None:
    with pytest.raises(MammoError, match=message):
        given_outline(entry(**cells))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"x": 0.3, "y": 0.4, "w": 0.1, "h": 0.1}, "fractions of the image"),
        ({"outline": ".1,.1;.2,.2;.1,.2"}, "fractions of the image"),
        ({"x": 0.3, "y": 0.4, "w": 30, "h": 30}, "fractions of the image"),
        ({"x": 0, "y": 0, "w": 120, "h": 200}, "covers the whole image: outline=none says"),
        ({"x": "1,234", "y": 90, "w": 20, "h": 20}, "x '1,234' must be a number with a decimal point"),
        ({"x": 90, "y": 30, "w": -20, "h": 20}, "width and height must be above 0"),
        ({"x": 90, "y": 30, "r": 0}, "the radius must be above 0"),
        ({"row0": 110, "row1": 90, "col0": 30, "col1": 50}, "the end of the box comes before its start"),
        ({"x": "30 px", "y": 30, "w": 20, "h": 20}, "x '30 px' must be a number"),
        ({"x": "inf", "y": 30, "w": 20, "h": 20}, "x 'inf' must be a finite number"),
        ({"x": 190, "y": 30, "w": 20, "h": 20}, "mostly outside its image of 200 rows and 120 columns"),
        ({"outline": "500,500;520,500;520,520"}, "mostly outside its image"),
        (
            {"xmin": 15, "ymin": 45, "xmax": 25, "ymax": 55, "width": 60, "height": 100},
            "width and height are 60 and 100, neither the outline's",
        ),
        ({"row": 50, "col": 20, "radius": 5, "width": 60}, r"width is 60, neither the outline's \(10, 10\)"),
        ({"xmin": 15, "ymin": 45, "xmax": 25, "ymax": 55, "w": 60, "h": 100}, "w and h are 60 and 100, neither the"),
        ({"x": 15, "y": 45, "w": 10, "h": 10, "height": 100}, "height is 100, neither the outline's"),
        *(
            (cells | {"width": 60, "height": 100}, "width and height are 60 and 100, neither the outline's")
            for cells in (
                {"row0": 45, "row1": 55, "col0": 15, "col1": 25},
                {"row": 50, "col": 20, "radius": 5},
                {"outline": "45,15;45,25;55,25;55,15"},
            )
        ),
    ],
)
def test_places_that_cannot_be_meant_are_named(cells: dict[str, object], message: str) -> None:
    with pytest.raises(OutlineError, match=message):
        box_of(entry(**cells))  # type: ignore[arg-type]


def test_an_outline_that_leaves_its_image_is_noticed() -> None:
    for x, beyond in ((30, False), (99.5, False), (105, True)):
        corners = ";".join(f"{y},{each}" for y in (90, 110) for each in (x, x + 21))
        for row in (entry(x=x, y=90, w=21, h=20), entry(outline=corners)):
            assert reaches_beyond(row, given_outline(row), SHAPE) == beyond


def test_the_sizes_beside_a_mask_are_those_of_its_image_or_its_lesion(tmp_path: Path) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[90:110, 30:50] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    for width, height in ((120, 200), (20, 20), (240, 400)):
        row = entry(mask="m.png", width=width, height=height)
        given = given_outline(row)
        if width < 200:
            assert read_outline(tmp_path, row, given, "m.png", "a.dcm", SHAPE)[1] == Box(90, 110, 30, 50)
        else:
            with pytest.raises(OutlineError, match=r"are 240 and 400, neither the outline's \(20, 20\)"):
                read_outline(tmp_path, row, given, "m.png", "a.dcm", SHAPE)


@pytest.mark.parametrize("outline", [{"x": 30, "y": 90, "w": 20, "h": 20}, {"outline": "none"}])
def test_the_number_of_a_segment_without_a_mask_is_an_error(outline: dict[str, object]) -> None:
    row = entry(**outline)  # type: ignore[arg-type]
    numbered = replace(row, fields={**row.fields, "segment": "7"})
    with pytest.raises(MammoError, match="segment '7': is of a mask, which the row does not name: give mask, or"):
        given_outline(numbered)


def test_columns_about_an_image_or_a_hospital_are_no_outlines() -> None:
    assert not has_outlines(["image", "label", "width", "height", "center", "left"])
    assert has_outlines(["image", "bounding box"])
    assert has_outlines(["image", "mask file"])
