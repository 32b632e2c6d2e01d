"""The page for readers without a mouse, and for those who do not see it: keys, and the rules of axe-core."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from tests.reporting.browser import Tab
from tests.serving.page_tab import (
    choose_files,
    labels,
    open_file,
    press,
    press_score,
    settle,
    violations,
)

pytestmark = pytest.mark.browser

BOX = (" ", *["ArrowRight"] * 15, *["ArrowDown"] * 10, " ")


def score_a_box(tab: Tab) -> None:
    tab.run("document.querySelector('.pane').focus()")
    press(tab, "4", *BOX)
    press_score(tab)


def test_axe_finds_nothing_wrong_in_any_state(tab: Tab, axe: str, tmp_path: Path) -> None:
    assert violations(tab, axe) == []  # no image
    open_file(tab)
    score_a_box(tab)
    tab.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert violations(tab, axe) == []
    tab.run("document.getElementById('exam').click()")  # asks before it closes what is drawn
    tab.wait("document.getElementById('ask').open")
    assert violations(tab, axe) == []
    tab.run("document.getElementById('ask-go-on').click()")
    tab.wait("[...document.querySelectorAll('.pane .label')].filter((one) => one.textContent).length === 4")
    tab.wait("!document.getElementById('about').textContent.startsWith('Opening')")
    score_a_box(tab)
    assert violations(tab, axe) == []
    bad = [tmp_path / "bad.png", tmp_path / "worse.png"]
    for path in bad:
        path.write_bytes(b"\x89PNG")
    tab.run("document.getElementById('view').value = 'CC'")
    choose_files(tab, "file", bad)  # asks before what was chosen for one file holds for several
    tab.wait("document.getElementById('ask').open")
    assert "CC, but opened 2 files" in tab.run("document.getElementById('ask-text').textContent")
    assert violations(tab, axe) == []
    tab.run("document.getElementById('ask-keep').click()")
    choose_files(tab, "file", bad[:1])
    tab.wait("!document.getElementById('message').hidden")
    assert violations(tab, axe) == []
    tab.errors.clear()  # Chromium logs every answer of status 422


def focus(tab: Tab, selector: str, back: bool = False) -> None:
    """Go to an element by Tab alone."""
    for _ in range(60):
        if tab.run(f"document.activeElement.matches({selector!r})"):
            return
        tab.press("Tab", modifiers=8 if back else 0)
    raise AssertionError(f"Tab does not reach {selector}")


def test_an_exam_is_opened_outlined_and_scored_by_keys_alone(tab: Tab) -> None:
    focus(tab, "#files")
    press(tab, "ArrowDown")
    tab.wait("document.querySelector('.label').textContent !== ''")
    focus(tab, "#exam")
    tab.press("Enter")
    tab.wait("[...document.querySelectorAll('.label')].filter((one) => one.textContent).length === 4")
    tab.wait("!document.getElementById('about').textContent.startsWith('Opening')")
    focus(tab, ".pane", back=True)
    assert labels(tab) == ["R CC", "L CC", "R MLO", "L MLO"]
    go_to(tab, "L MLO")
    assert "left MLO" in tab.run("document.activeElement.getAttribute('aria-label')")
    press(tab, "k", "+", "+", "4", *BOX, "Enter")
    tab.wait("!document.getElementById('answer').hidden")
    assert tab.run("document.querySelectorAll('.pane')[3].querySelectorAll('.outline').length") == 1
    focus(tab, "[data-layout='2']", back=True)
    tab.press("Enter")
    assert tab.run("document.activeElement.getAttribute('aria-pressed')") == "true"
    focus(tab, ".pane")
    go_to(tab, "L MLO")
    assert labels(tab) == ["R MLO", "L MLO"]
    focus(tab, "#show-windows")
    press(tab, " ")
    settle(tab)
    assert tab.run("document.querySelectorAll('.windows').length") == 1
    focus(tab, "#outlines", back=True)


def go_to(tab: Tab, label: str) -> None:
    """Go to the pane with this label, from another one."""
    for _ in range(4):
        press(tab, "n")
        if tab.run("document.activeElement.querySelector('.label').textContent") == label:
            return
    raise AssertionError(f"{label} is not reached")
