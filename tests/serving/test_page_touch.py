"""Fingers on the page in a real browser: one is the tool, two move and zoom the image."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.intake.gate import presentation_values
from tests.reporting.browser import Tab
from tests.serving.page_tab import STATE, drag, fitted, on_screen, open_exam, open_file, place_of, press_score, settle

pytestmark = pytest.mark.browser

Place = tuple[float, float]


@pytest.fixture(autouse=True)
def touch(tab: Tab) -> None:
    """A screen that is touched."""
    tab.send("Emulation.setTouchEmulationEnabled", enabled=True, maxTouchPoints=5)


def fingers(tab: Tab, event: str, *places: Place) -> None:
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
    tab.send("Input.dispatchTouchEvent", type=event, touchPoints=points)


def swipe(tab: Tab, *places: Place) -> None:
    fingers(tab, "touchStart", places[0])
    for place in places[1:]:
        fingers(tab, "touchMove", place)
    fingers(tab, "touchEnd")


def pinch(tab: Tab, start: tuple[Place, Place], *steps: tuple[Place, Place]) -> None:
    """Two fingers that come one after the other, as they do on a screen."""
    fingers(tab, "touchStart", start[0])
    fingers(tab, "touchStart", *start)
    for step in steps:
        fingers(tab, "touchMove", *step)
    fingers(tab, "touchEnd")
    settle(tab)


def choose(tab: Tab, tool: str) -> None:
    tab.run(f"document.querySelector('[data-tool={tool}]').click()")


def test_one_finger_draws(tab: Tab, folder: Path) -> None:
    open_file(tab)
    at = on_screen(tab, presentation_values(folder, "PHANTOM-0001/R-MLO.dcm").shape)
    choose(tab, "box")
    swipe(tab, (430, 330), (450, 340), (500, 400))
    (row0, col0), (row1, col1) = at(430, 330), at(500, 400)
    box = [np.floor(row0), np.ceil(row1), np.floor(col0), np.ceil(col1)]
    assert press_score(tab)["outline"] == {"box": box}


def test_two_fingers_zoom_and_move_and_draw_nothing(tab: Tab, folder: Path) -> None:
    """What lay midway between the fingers stays there: an outline drawn afterwards is where it was drawn."""
    open_file(tab)
    shape = presentation_values(folder, "PHANTOM-0001/R-MLO.dcm").shape
    scale, _, _ = fitted(shape, *place_of(tab)[2:])
    middle = on_screen(tab, shape)(460, 360)
    choose(tab, "freehand")
    pinch(tab, ((440, 360), (480, 360)), ((430, 350), (490, 370)), ((450, 400), (550, 400)))
    assert tab.run("document.getElementById('outline-about').textContent").startswith("None yet")
    assert tab.run("document.querySelectorAll('.outline').length") == 0
    zoomed = scale * 100 / 40
    assert tab.run(STATE).startswith(f"{100 * zoomed:.0f} % of true pixels")
    choose(tab, "circle")
    swipe(tab, (500, 400), (520, 400), (530, 400))
    row, col, radius = press_score(tab)["outline"]["circle"]
    assert [row, col] == pytest.approx(middle, abs=0.01)
    assert radius == pytest.approx(30 / zoomed, abs=0.01)


def test_a_pinch_keeps_the_corners_that_were_set_before(tab: Tab, folder: Path) -> None:
    open_file(tab)
    at = on_screen(tab, presentation_values(folder, "PHANTOM-0001/R-MLO.dcm").shape)
    corners = [(430.0, 330.0), (520.0, 340.0), (500.0, 420.0)]
    expected = [at(*corner) for corner in corners]
    choose(tab, "polygon")
    for corner in corners[:2]:
        swipe(tab, corner)
    pinch(tab, ((440, 360), (480, 360)), ((440, 380), (480, 380)))
    swipe(tab, (corners[2][0], corners[2][1] + 20))
    swipe(tab, (corners[0][0] + 15, corners[0][1] + 20))  # a finger is meant for the first corner from farther away
    found = press_score(tab)["outline"]["polygon"]
    assert np.abs(np.array(found) - expected).max() < 0.01


def test_fingers_of_two_panes_are_tools_of_their_own(tab: Tab) -> None:
    open_exam(tab)
    choose(tab, "box")
    for pane in (0, 3):
        left, top, width, height = place_of(tab, pane)
        swipe(tab, *((left + share * width, top + share * height) for share in (0.4, 0.5, 0.6)))
    settle(tab)
    drawn = "[...document.querySelectorAll('.pane')].map((one) => one.querySelectorAll('.outline').length)"
    assert tab.run(drawn) == [1, 0, 0, 1]
    tab.send("Emulation.setTouchEmulationEnabled", enabled=False)
    left, top, width, height = place_of(tab, 1)
    drag(tab, (left + 0.4 * width, top + 0.4 * height), (left + 0.6 * width, top + 0.6 * height))
    settle(tab)
    assert tab.run(drawn) == [1, 1, 0, 1]
