"""The page in a real browser: exact gray levels, outlines where the pointer and the keyboard draw them, and scores.

Left out of make test; make test-browser runs it and needs Chromium.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.bundle import main as bundle_runs
from mammo.inference.outlines import draw
from mammo.intake.gate import presentation_values
from mammo.predict import main as predict
from tests.inference.conftest import fagg, trained_root  # noqa: F401  (fixtures)
from tests.reporting.browser import Tab
from tests.serving.cases import ROOT, until
from tests.serving.page_cases import Served
from tests.serving.page_tab import (
    FOCUS,
    FULL,
    NAME,
    STATE,
    canvas_gray,
    drag,
    expected_gray,
    on_screen,
    open_file,
    press,
    press_score,
    settle,
)

pytestmark = pytest.mark.browser


def drawn_by(tab: Tab, key: str, shape: tuple[int, int], webgl: bool, view: dict[str, float], levels: Any) -> Any:
    """Name of the renderer, and the gray levels [300, 400] that it draws of the open image."""
    low, high, inverted = levels
    script = f"""(async () => {{
        const {{ rendererOf }} = await import('/gray.js');
        const {{ pixels }} = await import('/server.js');
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [400, 300];
        const values = await pixels({{key: {key!r}, rows: {shape[0]}, cols: {shape[1]}}});
        const renderer = rendererOf(canvas, values, {json.dumps(webgl)});
        renderer.draw({json.dumps(view)}, {json.dumps({"low": low, "high": high, "inverted": inverted})});
        const copy = document.createElement('canvas');
        [copy.width, copy.height] = [400, 300];
        const context = copy.getContext('2d');
        context.drawImage(canvas, 0, 0);
        const {{ data }} = context.getImageData(0, 0, 400, 300);
        const same = data.every((value, n) => n % 4 === 3 ? value === 255 : value === data[n - n % 4]);
        return [renderer.name, same, Array.from(data.filter((_, n) => n % 4 === 0))];
    }})()"""
    name, is_gray, found = tab.run(script)
    assert is_gray
    return name, np.array(found, np.uint8).reshape(300, 400)


def key_of(tab: Tab) -> str:
    found = [address for address in tab.requests if address.endswith("/pixels")]
    return found[-1].split("/")[-2]


@pytest.mark.parametrize("webgl", [True, False])
def test_true_pixels_have_the_gray_levels_of_mammo_exactly(tab: Tab, folder: Path, webgl: bool) -> None:
    open_file(tab)
    values = presentation_values(folder, "PHANTOM-0001/R-MLO.dcm")
    for levels in (FULL, (1800, 2200, False), (2000, 2064, True), (1, 4094, False), (100, 103, True)):
        for scale in (1, 3):
            view = {"row": 20, "col": 30, "scale": scale}
            name, found = drawn_by(tab, key_of(tab), values.shape, webgl, view, levels)
            assert name == ("WebGL2" if webgl else "2D canvas")
            rows, cols = 20 + np.arange(300) // scale, 30 + np.arange(400) // scale
            inside = cols < values.shape[1]
            shown = expected_gray(values[np.ix_(rows, cols[inside])], *levels)
            assert np.array_equal(found[:, inside], shown)
            assert not found[:, ~inside].any()


@pytest.mark.parametrize("webgl", [True, False])
def test_a_smaller_image_is_the_area_mean(tab: Tab, folder: Path, webgl: bool) -> None:
    open_file(tab)
    values = presentation_values(folder, "PHANTOM-0001/R-MLO.dcm")
    _, found = drawn_by(tab, key_of(tab), values.shape, webgl, {"row": 0, "col": 0, "scale": 0.5}, FULL)
    rows, cols = (size // 2 for size in values.shape)
    mean = values[: 2 * rows, : 2 * cols].reshape(rows, 2, cols, 2).mean(axis=(1, 3))
    assert np.abs(found[:rows, :cols] - mean / 4095 * 255).max() <= 1
    assert np.abs(found[:rows, :cols] - mean / 4095 * 255).mean() < 0.3


@pytest.mark.parametrize("ratio", [1, 1.5])
def test_the_pages_own_canvas_shows_true_pixels(tab: Tab, folder: Path, ratio: float) -> None:
    """The canvas itself, read back after the keys for true pixels and inversion."""
    tab.send("Emulation.setDeviceMetricsOverride", width=1366, height=768, deviceScaleFactor=ratio, mobile=False)
    open_file(tab)
    tab.run(FOCUS)
    for key in ("t", "i"):
        tab.press(key)
    settle(tab)
    assert tab.run(STATE).startswith("100 % of true pixels")
    shown = canvas_gray(tab)
    height = len(shown)
    expected = expected_gray(presentation_values(folder, "PHANTOM-0001/R-MLO.dcm"), 0, 4095, inverted=True)
    rows, cols = expected.shape
    top, left = (round((have - want) / 2) for have, want in zip(shown.shape, expected.shape, strict=True))
    places = [(row, col) for row in (top - 1, top, top + 1) for col in (left - 1, left, left + 1)]
    kept = [
        np.array_equal(shown[row : row + rows, col : col + cols], expected[: height - row])
        for row, col in places
        if row >= 0
    ]
    assert any(kept)


@pytest.mark.parametrize("name", ["L-CC", "R-MLO"])
def test_an_outline_lies_where_the_pointer_drew_it(tab: Tab, folder: Path, server: Served, name: str) -> None:
    """Mirrored for the networks or not: the mask that was scored is that of the clicked corners."""
    open_file(tab, name)
    shape = presentation_values(folder, f"PHANTOM-0001/{name}.dcm").shape
    at = on_screen(tab, shape)
    corners = [(430.0, 330.0), (520.0, 340.0), (500.0, 420.0), (440.0, 410.0)]
    tab.run("document.querySelector('[data-tool=polygon]').click()")
    for corner in corners:
        drag(tab, corner)
    tab.run(FOCUS)
    tab.press("Enter")
    found = press_score(tab)["outline"]["polygon"]
    assert np.abs(np.array(found) - [at(*corner) for corner in corners]).max() < 0.01
    (kept,) = (one.last.prediction for one in server.page.images._images.values() if one.last)
    mask, box, _ = draw([at(*corner) for corner in corners], shape)
    assert np.array_equal(kept.outline.mask, mask)
    assert kept.outline.box == box


def test_boxes_circles_and_freehand_lines_can_be_drawn_edited_and_undone(tab: Tab, folder: Path) -> None:
    open_file(tab)
    at = on_screen(tab, presentation_values(folder, "PHANTOM-0001/R-MLO.dcm").shape)
    tab.run("document.querySelector('[data-tool=box]').click()")
    drag(tab, (430, 330), (500, 400))
    (row0, col0), (row1, col1) = at(430, 330), at(500, 400)
    box = [np.floor(row0), np.ceil(row1), np.floor(col0), np.ceil(col1)]
    assert press_score(tab)["outline"] == {"box": box}
    tab.run("document.querySelector('[data-tool=circle]').click()")
    drag(tab, (460, 360), (470, 360), (490, 360))
    row, col, radius = press_score(tab)["outline"]["circle"]
    assert [row, col] == pytest.approx(at(460, 360), abs=0.01)
    assert radius == pytest.approx(at(490, 360)[1] - col, abs=0.01)
    tab.run("document.querySelector('[data-tool=edit]').click()")
    drag(tab, (460, 360), (470, 380))
    moved = press_score(tab)["outline"]["circle"]
    assert moved == pytest.approx([*at(470, 380), radius], abs=0.02)
    tab.run("document.querySelector('[data-tool=freehand]').click()")
    drag(tab, (430, 330), (480, 335), (500, 380), (450, 400))
    assert len(press_score(tab)["outline"]["polygon"]) == 4
    tab.run(FOCUS)
    tab.press("z")
    assert press_score(tab)["outline"]["circle"] == moved
    tab.press("z")
    tab.press("z")
    assert press_score(tab)["outline"] == {"box": box}
    tab.press("y")
    assert press_score(tab)["outline"]["circle"] == [row, col, radius]


def test_the_outline_on_the_screen_is_scored_also_where_it_was_not_finished(tab: Tab, folder: Path) -> None:
    """Otherwise the outline before it is scored, and the answer stands beside the one on the screen."""
    open_file(tab)
    tab.run("document.querySelector('[data-tool=box]').click()")
    drag(tab, (430, 330), (500, 400))
    first = press_score(tab)["outline"]["box"]
    tab.run(FOCUS)
    press(tab, " ", *["ArrowRight"] * 15, *["ArrowDown"] * 10, "Enter")  # the tool is still down
    row0, row1, col0, col1 = press_score(tab)["outline"]["box"]
    assert [row0, row1, col0, col1] != first
    assert (row1 - row0, col1 - col0) == (10, 15)
    tab.run("document.querySelector('[data-tool=polygon]').click()")
    for corner in ((430, 330), (520, 340), (500, 420)):
        drag(tab, corner)
    assert len(press_score(tab)["outline"]["polygon"]) == 3  # without a click on the first corner


def test_the_keyboard_alone_draws_and_scores(tab: Tab) -> None:
    tab.run("document.getElementById('files').focus()")
    press(tab, "ArrowDown")
    tab.wait(f"/true pixels/.test({STATE})")
    for _ in range(30):  # to the stage, by Tab alone
        tab.press("Tab", modifiers=8)
        if tab.run("document.activeElement.className === 'pane'"):
            break
    assert tab.run("document.activeElement.className") == "pane"
    press(tab, "3", " ", *["ArrowRight"] * 20, " ", *["ArrowDown"] * 20, " ", "Enter", "Enter")
    tab.wait("!document.getElementById('answer').hidden")
    first, second, third = tab.run("fetch(document.getElementById('json').href).then((one) => one.json())")["outline"][
        "polygon"
    ]
    assert (second[0] - first[0], second[1] - first[1]) == (0, 20)
    assert (third[0] - second[0], third[1] - second[1]) == (20, 0)
    press(tab, "4", " ", *["ArrowLeft"] * 15, *["ArrowDown"] * 10, " ", "Enter")
    tab.wait("document.getElementById('outline-about').textContent === 'Your box.'")
    tab.wait("!document.getElementById('answer').hidden")
    row0, row1, col0, col1 = tab.run("fetch(document.getElementById('json').href).then((one) => one.json())")[
        "outline"
    ]["box"]
    assert (row1 - row0, col1 - col0) == (10, 15)


def test_names_from_files_are_text(tab: Tab) -> None:
    open_file(tab, "<img")
    assert NAME in tab.run("document.getElementById('files').innerText")
    assert tab.run("document.title") == "mammo: outline and score"
    assert tab.run("document.querySelectorAll('img').length") == 0


def test_every_screen_says_what_the_score_is_for(tab: Tab) -> None:
    open_file(tab)
    tab.run("document.querySelector('[data-tool=box]').click()")
    drag(tab, (430, 330), (500, 400))
    press_score(tab)
    for width in (1366, 1024, 390):
        tab.send("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=False)
        settle(tab)
        assert tab.run("document.documentElement.scrollWidth") <= width
        shown = tab.run("document.querySelector('header').innerText")
        assert "research use only" in shown
        assert "synthetic phantoms" in shown
    answer = tab.run("document.getElementById('answer').innerText")
    assert "research use only" in answer
    assert "Test: 20.0\u00a0% of benign biopsies avoided, the share of cancers missed is undefined." in answer


def test_a_rejected_file_is_a_sentence_and_the_image_stays(tab: Tab) -> None:
    open_file(tab)
    tab.run("""(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array([137, 80, 78, 71])], '<b>.png'));
        const file = document.getElementById('file');
        file.files = transfer.files;
        file.dispatchEvent(new Event('change'));
    })()""")
    tab.wait("!document.getElementById('message').hidden")
    assert "under 'What the file does not say'" in tab.run("document.getElementById('message').textContent")
    assert tab.run("document.getElementById('said').open")
    assert tab.run("document.getElementById('about').textContent") == "The image shown is the one opened before."
    tab.errors.clear()  # Chromium logs every answer of status 422


def test_the_page_scores_as_predict_does(
    browser_tab: Tab,
    fagg: Path,  # noqa: F811
    trained_root: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """The command with a real bundle: the polygon that was drawn, the downloaded score, and predict's for both."""
    bundle, data = tmp_path / "my.bundle", trained_root / "dicom"
    assert bundle_runs([str(fagg), "-o", str(bundle), "--sensitivity-lesions", "3"]) == 0
    command = [sys.executable, "-m", "mammo", "serve", str(bundle), "--data", str(data), "--port", "0"]
    log = tmp_path / "log"
    with (
        log.open("w") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, process_group=0) as process,
    ):
        try:
            until(lambda: "token=" in log.read_text() or process.poll() is not None, 120)
            browser_tab.visit(re.findall(r"http://\S+", log.read_text())[-1], 1366, 768)
            browser_tab.wait("document.getElementById('files').options.length > 0")
            open_file(browser_tab, "")
            browser_tab.run("document.querySelector('[data-tool=polygon]').click()")
            for corner in ((430, 330), (520, 340), (500, 420)):
                drag(browser_tab, corner)
            browser_tab.run(FOCUS)
            browser_tab.press("Enter")
            found = press_score(browser_tab)
            name = browser_tab.run(
                "document.getElementById('files').selectedOptions[0].text.replace('▶ ', '').split(' ')[0]"
            )
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)
    assert process.returncode == 130
    assert log.read_text().splitlines()[-1] == "interrupted"
    corners = ";".join(f"{row!r},{col!r}" for row, col in found["outline"]["polygon"])
    words = [str(bundle), str(data / name), "--polygon", corners, "-o", str(tmp_path / "out")]
    assert predict([*words, "--no-changes", "--no-pictures"]) == 0
    expected = pd.read_csv(tmp_path / "out" / "predictions.csv").iloc[0]
    (lesion,) = found["cases"][0]["lesions"]
    for column in ("score", "score_sd", "probability", "score_without_context"):
        assert lesion[column] == expected[column]
