"""A reader's pass through a study in a real browser, by keyboard alone, with a reload and a second window.

Left out of make test; make test-browser runs it and needs Chromium.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from tests.reporting.browser import Tab
from tests.serving.page_tab import WIDTHS, canvas_gray, settle, violations
from tests.serving.studies.served_study import ServedStudy, served_study
from tests.serving.studies.study_cases import Clock, write_store, write_study

pytestmark = pytest.mark.browser

N_CASES = 3
READ_S = 3.0
PLACE = "document.getElementById('place').textContent"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store", N_CASES)


def visit(tab: Tab, study: ServedStudy, width: int = 1366) -> None:
    """Open a reader's link; the study waits for Enter."""
    tab.errors.clear()
    tab.visit(f"http://{study.address}{study.link('R1')}", width, 768)
    tab.wait("document.activeElement.id === 'start'")


def types(tab: Tab, *keys: str) -> None:
    for key in keys:
        tab.press(key)


def wait_for(tab: Tab, text: str) -> None:
    tab.wait(f"{PLACE} === {text!r} && !document.getElementById('next').disabled")


def begin(tab: Tab, study: ServedStudy) -> None:
    """Open a reader's link and begin with the first case."""
    visit(tab, study)
    types(tab, "Enter")
    wait_for(tab, f"Case 1 of {N_CASES}, without the score")


def test_a_reader_answers_all_cases_by_keyboard(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        visit(tab, study)
        types(tab, "Enter")
        for place in range(1, N_CASES + 1):
            wait_for(tab, f"Case {place} of {N_CASES}, without the score")
            assert tab.run("document.activeElement.id") == "probability"
            assert tab.run("document.getElementById('score').hidden")
            types(tab, "i", "t", "3", str(place), "f", "b", "Enter")
            wait_for(tab, f"Case {place} of {N_CASES}, with the score")
            assert f"you answered 3{place}\u00a0%, biopsy" in tab.run("document.getElementById('before').textContent")
            types(tab, "6", str(place), "n", "Enter")
        tab.wait("/Thank you/.test(document.getElementById('pause-text').textContent)")
        assert tab.run("document.querySelectorAll('.outline').length") == 0
        assert canvas_gray(tab).max() == 0, "no case is seen beyond its answers"
        answers = study.page.study.readers["R1"].answers
    expected = [pair for k in range(1, N_CASES + 1) for pair in ((30 + k, "biopsy"), (60 + k, "no biopsy"))]
    assert [(entry["probability"], entry["decision"]) for entry in answers] == expected
    assert all(0 < entry["seconds"] < 60 for entry in answers)
    assert {entry["times_shown"] for entry in answers} == {1}
    assert tab.errors == []


def test_the_image_that_is_shown_is_the_case(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    """The canvas at true pixels, and the outline over it."""
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        begin(tab, study)
        assert tab.run("document.querySelectorAll('.outline').length") == 1
        types(tab, "t", "o")
        settle(tab)
        assert tab.run("document.querySelectorAll('.outline').length") == 0
        shown = canvas_gray(tab)
        values = study.page._shown(study.page.study.readers["R1"].steps[0].case).values
    gray = np.floor(values / 4095 * 255 + 0.5).astype(np.uint8)
    rows, cols = np.nonzero(shown)
    found = shown[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1]
    assert np.array_equal(found, gray)


def test_the_time_of_a_case_does_not_hold_the_sleep_of_the_computer(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    """The browser's clock is put forward by a night, as on systems whose clock runs on in a sleep."""
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        visit(tab, study)
        started = time.monotonic()
        types(tab, "Enter")
        wait_for(tab, f"Case 1 of {N_CASES}, without the score")
        time.sleep(READ_S)
        tab.run("performance.now = ((clock) => () => clock() + 8 * 3600e3)(performance.now.bind(performance))")
        time.sleep(READ_S)
        types(tab, "5", "b", "Enter")
        wait_for(tab, f"Case 1 of {N_CASES}, with the score")
        passed = time.monotonic() - started
        [entry] = study.page.study.readers["R1"].answers
    assert 1.2 * READ_S < entry["seconds"] < passed, "what was read before and after the sleep counts, but for a tick"
    assert entry["times_shown"] == 1


def test_an_incomplete_answer_is_not_sent(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    tab = browser_tab
    message = "document.getElementById('message').textContent"
    with served_study(capsys, write_study(tmp_path, store)) as study:
        begin(tab, study)
        types(tab, "Enter")
        assert "Enter a probability" in tab.run(message)
        types(tab, "1", "0", "1", "Enter")
        assert "Enter a probability" in tab.run(message)
        tab.run("document.getElementById('probability').value = ''")
        types(tab, "9", "Enter")
        assert "Choose biopsy" in tab.run(message)
        assert study.page.study.readers["R1"].answers == []


def test_a_reload_and_a_second_window_continue_at_the_same_case(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        begin(tab, study)
        types(tab, "5", "b", "Enter")
        wait_for(tab, f"Case 1 of {N_CASES}, with the score")
        tab.visit(f"http://{study.address}/", 1366, 768)
        tab.wait("document.activeElement.id === 'start'")
        assert "1 of 6 answers are given" in tab.run("document.getElementById('pause-text').textContent")
        types(tab, "Enter")
        wait_for(tab, f"Case 1 of {N_CASES}, with the score")
        step = study.page.study
        tab.run("""fetch('/api/study/answers?reader=R1', { method: 'POST', body: JSON.stringify(
            { step: 1, probability: 77, decision: 'biopsy', seconds: 1 }) })""")  # the other window
        types(tab, "6", "b", "Enter")
        wait_for(tab, f"Case 2 of {N_CASES}, without the score")
        assert [entry["probability"] for entry in step.readers["R1"].answers] == [5, 77]
        assert step.readers["R1"].answers[1]["times_shown"] == 2


def test_a_window_whose_browser_belongs_to_another_reader_now_gives_no_answer(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        begin(tab, study)
        tab.run(f"fetch('{study.link('R2')}')")  # in another window
        types(tab, "5", "b", "Enter")
        tab.wait("document.getElementById('reader').textContent === 'Reader R2'")
        tab.wait("document.activeElement.id === 'start'")
        assert "another reader" in tab.run("document.getElementById('message').textContent")
        assert [one.answers for one in study.page.study.readers.values()] == [[], []]


@pytest.mark.parametrize("text", ["0x10", "1e1", "101", "5 5", "."])
def test_what_is_no_percentage_is_not_taken_for_one(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path, text: str
) -> None:
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        begin(tab, study)
        tab.run(f"document.getElementById('probability').value = '{text}'")
        types(tab, "b", "Enter")
        tab.wait("/from 0 to 100/.test(document.getElementById('message').textContent)")
        assert study.page.study.readers["R1"].answers == []


def test_the_second_session_waits(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    tab, clock = browser_tab, Clock()
    path = write_study(tmp_path, store, design="independent", days=14)
    with served_study(capsys, path, clock) as study:
        visit(tab, study)
        types(tab, "Enter")
        for number in range(N_CASES):
            tab.wait(f"{PLACE}.startsWith('Case {number + 1} of') && !document.getElementById('next').disabled")
            types(tab, "5", "b", "Enter")
        tab.wait("/session 2 of 2.*opens on/.test(document.getElementById('pause-text').textContent)")
        assert tab.run("document.getElementById('start').hidden")
        clock.wait(14)
        tab.visit(f"http://{study.address}/", 1366, 768)
        tab.wait("document.activeElement.id === 'start'")
        types(tab, "Enter")
        tab.wait(f"/^Case 1 of {N_CASES}, session 2/.test({PLACE})")


def test_every_screen_fits_and_says_what_it_is_for(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path
) -> None:
    """Screenshots are written where STUDY_PICTURES names a folder, to be looked at."""
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store)) as study:
        begin(tab, study)
        types(tab, "5", "b", "Enter")
        wait_for(tab, f"Case 1 of {N_CASES}, with the score")
        for width in WIDTHS:
            tab.send("Emulation.setDeviceMetricsOverride", width=width, height=768, deviceScaleFactor=1, mobile=False)
            settle(tab)
            assert tab.run("document.documentElement.scrollWidth") <= width
            shown = tab.run("document.querySelector('header').innerText")
            assert "research use only" in shown
            assert "synthetic phantoms" in shown
            if folder := os.environ.get("STUDY_PICTURES"):
                tab.screenshot(Path(folder) / f"study-{width}.png")


def test_axe_finds_nothing_wrong_in_any_state(
    browser_tab: Tab, capsys: pytest.CaptureFixture[str], tmp_path: Path, store: Path, axe: str
) -> None:
    tab = browser_tab
    with served_study(capsys, write_study(tmp_path, store, design="independent", days=14), Clock()) as study:
        visit(tab, study)
        assert violations(tab, axe) == []  # before the first case
        types(tab, "Enter")
        for number in range(N_CASES):  # R1 begins with the score
            wait_for(tab, f"Case {number + 1} of {N_CASES}, session 1, with the score")
            if number == 0:
                tab.run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
                types(tab, "Enter")
                tab.wait("!document.getElementById('message').hidden")
                assert violations(tab, axe) == []  # a case with the score, and a rejected answer
            types(tab, "5", "b", "Enter")
        tab.wait("/opens on/.test(document.getElementById('pause-text').textContent)")
        assert violations(tab, axe) == []  # between the sessions
