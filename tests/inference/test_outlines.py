"""Outlines of a caller are drawn by the rules of own tables."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box
from mammo.inference.outlines import Circle, Drawn, Outline, draw
from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_outlines import given_outline, reaches_beyond, read_outline
from mammo.intake.extents import OutlineError
from mammo.predict import _outlines, _parser
from mammo.records import MammoError

SHAPE = (200, 120)


def from_table(cells: dict[str, object]) -> Drawn:
    fields = {name: str(cell) for name, cell in cells.items() if name == "outline"}
    others = {name: str(cell) for name, cell in cells.items() if name != "outline"}
    row = Entry(Path("lesions.csv"), "row 2", {"image": "a.dcm"} | fields, {}, others)
    given = given_outline(row)
    mask, box = read_outline(Path(), row, given, "", "a.dcm", SHAPE)
    return Drawn(mask, box, reaches_beyond(row, given, SHAPE))


def from_command_line(option: str, text: str) -> Outline:
    words = ["a.bundle", "a.dcm", "-o", "out", f"--{option}={text}"]
    (outline,) = _outlines(_parser().parse_args(words))
    assert not isinstance(outline, Path)
    return outline


def cells_of(option: str, text: str) -> dict[str, object]:
    names = {"box": ("row0", "row1", "col0", "col1"), "circle": ("row", "col", "radius"), "polygon": ("outline",)}
    cells = [text] if option == "polygon" else text.split(",")
    return dict(zip(names[option], cells, strict=True))


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("box", "138.5,174.5,18.5,52.5"),
        ("box", "138.4,174.6,18.4,52.6"),
        ("box", "-0.5,30,10,40"),
        ("box", "-10,30,10,40"),
        ("circle", "150.5,30.5,20.5"),
        ("circle", "100,118,10"),
        ("polygon", "139,-15;139,52;174,52;174,-15"),
        ("polygon", "139,15;139,52;174,52;174,15"),
    ],
)
def test_the_command_line_draws_what_a_table_does(option: str, text: str) -> None:
    drawn, expected = draw(from_command_line(option, text), SHAPE), from_table(cells_of(option, text))
    assert (drawn.box, drawn.clipped) == (expected.box, expected.clipped)
    assert np.array_equal(drawn.mask, expected.mask)


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("box", "0.2,0.6,0.1,0.7", "are fractions of the image"),
        ("circle", "0.4,0.3,0.1", "are fractions of the image"),
        ("polygon", "0.2,0.1;0.2,0.7;0.6,0.7;0.6,0.1", "are fractions of the image"),
        ("box", "100,900,20,60", "mostly outside its image of 200 rows and 120 columns"),
        ("circle", "250,60,60", "mostly outside its image"),
        ("polygon", "100,20;900,20;900,60", "mostly outside its image"),
    ],
)
def test_the_command_line_rejects_what_a_table_does(option: str, text: str, message: str) -> None:
    with pytest.raises(MammoError, match=f"outline=.*: .*{message}"):
        draw(from_command_line(option, text), SHAPE)
    with pytest.raises(OutlineError, match=message):
        from_table(cells_of(option, text))


@pytest.mark.parametrize("outline", [Box(0, 1, 0, 1), Circle(0.5, 0.5, 0.5), np.array([[0, 0], [0, 1], [1, 1]])])
def test_fractions_are_named_in_python_too(outline: Box | Circle | NDArray[np.generic]) -> None:
    with pytest.raises(MammoError, match="are fractions of the image"):
        draw(outline, SHAPE)


def test_coordinates_of_no_image_are_rejected_however_large() -> None:
    with pytest.raises(MammoError, match="mostly outside its image"):
        draw(Box(-(10**308), 10**308, -(10**300), 10**300), SHAPE)
