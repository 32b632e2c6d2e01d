"""Images side by side in a real browser: hung as radiologists hang them, each with a view and an outline of its own."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.intake.gate import presentation_values
from tests.reporting.browser import Tab
from tests.serving.page_cases import Served
from tests.serving.page_tab import (
    FOCUS,
    STATE,
    area_means,
    canvas_of,
    choose_files,
    drag,
    expected_gray,
    fitted,
    labels,
    mouse,
    on_screen,
    open_exam,
    open_file,
    place_of,
    press,
    press_score,
    settle,
)

pytestmark = pytest.mark.browser

HUNG = ["R CC", "L CC", "R MLO", "L MLO"]
WALLS = ("right", "left", "right", "left")


def values_of(folder: Path, pane: int) -> np.ndarray:
    return presentation_values(folder, f"PHANTOM-0001/{HUNG[pane].replace(' ', '-')}.dcm")


def point_in(tab: Tab, pane: int, across: float, down: float) -> tuple[float, float]:
    """A point of a pane, whole CSS px: the shares of its height from the chest wall, and from the top."""
    left, top, width, height = place_of(tab, pane)
    from_wall = across * height
    x = left + (width - from_wall if WALLS[pane] == "right" else from_wall)
    return float(round(x)), float(round(top + down * height))


@pytest.mark.parametrize("renderer", ["WebGL2", "2D canvas"])
def test_an_exam_hangs_back_to_back_with_exact_gray_levels(
    tab: Tab,
    folder: Path,
    server: Served,
    renderer: str,
) -> None:
    """Each pane is the area mean of its image, whose chest wall is at the inner edge."""
    if renderer == "2D canvas":
        tab.visit(f"http://{server.address}/?renderer=2d", 1366, 768)
        tab.wait("document.getElementById('files').options.length > 0")
    open_exam(tab)
    assert labels(tab) == HUNG
    assert tab.run(STATE).endswith(renderer)
    for pane, wall in enumerate(WALLS):
        shown, values = canvas_of(tab, pane), values_of(folder, pane)
        scale, row, col = fitted(values.shape, shown.shape[1], shown.shape[0], wall)
        expected = np.nan_to_num(area_means(values, (row, col), scale, shown.shape) / 4095 * 255)
        edge = shown[:, -1] if wall == "right" else shown[:, 0]
        assert edge.max() > 20
        assert np.abs(shown - expected)[:, 1:-1].max() <= 1
    assert len(server.page.images._images) == 4


def test_panes_have_views_outlines_and_answers_of_their_own(tab: Tab, folder: Path) -> None:
    open_exam(tab)
    boxes = {}
    tab.run("document.querySelector('[data-tool=box]').click()")
    for pane in (1, 2):
        corners = [point_in(tab, pane, share, share) for share in (0.2, 0.4)]
        drag(tab, *corners)
        at = on_screen(tab, values_of(folder, pane).shape, pane, WALLS[pane])
        rows, cols = zip(*(at(*corner) for corner in corners), strict=True)
        boxes[pane] = [np.floor(min(rows)), np.ceil(max(rows)), np.floor(min(cols)), np.ceil(max(cols))]
        assert tab.run("document.getElementById('answer').hidden")
        assert press_score(tab)["outline"] == {"box": boxes[pane]}
    drag(tab, point_in(tab, 0, 0.2, 0.2))
    assert tab.run("document.getElementById('answer').hidden")
    assert tab.run("document.getElementById('outline-about').textContent").startswith("None yet")
    tab.run("document.querySelectorAll('.pane')[1].focus()")
    assert not tab.run("document.getElementById('answer').hidden")
    assert tab.run("fetch(document.getElementById('json').href).then((one) => one.json())")["outline"] == {
        "box": boxes[1]
    }
    press(tab, "z", "i")
    settle(tab)
    assert tab.run("document.getElementById('answer').hidden")
    drawn = "[...document.querySelectorAll('.pane')].map((one) => one.querySelectorAll('.outline').length)"
    assert tab.run(drawn) == [0, 0, 1, 0]
    assert canvas_of(tab, 1).mean() > 2 * canvas_of(tab, 2).mean()


def test_every_pane_has_true_pixels_magnifier_and_ruler(tab: Tab, folder: Path) -> None:
    open_exam(tab)
    press(tab, "m")
    for pane in range(4):
        values = values_of(folder, pane)
        at = on_screen(tab, values.shape, pane, WALLS[pane])
        x, y = point_in(tab, pane, 0.2, 0.5)
        mouse(tab, "mouseMoved", x, y)
        settle(tab)
        shown = "[...document.querySelectorAll('.lens')].map((one) => !one.hidden)"
        assert tab.run(shown) == [each == pane for each in range(4)]
        lens, (row, col) = canvas_of(tab, pane, "lens"), at(x, y)
        half = lens.shape[0] / 2 / 3
        rows = np.floor(row - half + (np.arange(lens.shape[0]) + 0.5) / 3).astype(int)
        cols = np.floor(col - half + (np.arange(lens.shape[0]) + 0.5) / 3).astype(int)
        inside = (cols >= 0) & (cols < values.shape[1])
        expected = expected_gray(values[np.ix_(rows, cols[inside])], 0, 4095, False)
        assert (lens[:, inside] == expected).mean() > 0.999  # a point on the edge of a pixel belongs to either
        tab.run("document.querySelector('[data-tool=ruler]').click()")
        drag(tab, (x, y), (x + 30, y + 40))
        settle(tab)
        scale = fitted(values.shape, *place_of(tab, pane)[2:])[0]
        spacing = tab.run("document.getElementById('about').textContent").split(", ")[-1]
        mm = 10 * float(spacing.split(" ")[0]) / values.shape[0] * 50 / scale
        ruler = tab.run(f"document.querySelectorAll('.pane')[{pane}].querySelector('.ruler-text').textContent")
        assert float(ruler.removesuffix(" mm")) == pytest.approx(mm, abs=0.3)
    press(tab, "m")
    for pane in range(4):
        tab.run(f"document.querySelectorAll('.pane')[{pane}].focus()")
        press(tab, "t")
        shown, values = canvas_of(tab, pane), expected_gray(values_of(folder, pane), 0, 4095, False)
        found = best_match(shown, values)
        assert found == 0


def best_match(shown: np.ndarray, expected: np.ndarray) -> int:
    """Largest difference of a canvas to the true pixels of an image of which it shows a part, at the best place."""
    rows, cols = shown.shape
    padded = np.pad(expected, ((rows, rows), (cols, cols)))
    middle = [(size + 2 * pad) // 2 for size, pad in zip(expected.shape, shown.shape, strict=True)]
    found = []
    for row in range(middle[0] - rows // 2 - 2, middle[0] - rows // 2 + 3):
        for col in range(cols // 2, padded.shape[1] - cols):
            part = padded[row : row + rows, col : col + cols]
            if np.array_equal(part[rows // 2], shown[rows // 2]):
                found.append(int(np.abs(part.astype(int) - shown).max()))
    return min(found, default=255)


def test_linked_panes_show_the_same_place_at_the_same_size(tab: Tab, folder: Path) -> None:
    """The place from the chest wall, mirrored; gray levels, too, until the link is taken away."""
    open_exam(tab)
    press(tab, "k")
    left, top, width, height = place_of(tab, 0)
    x, y = point_in(tab, 0, 0.2, 0.4)
    for _ in range(4):
        tab.send("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=-100)
    press(tab, "i")
    settle(tab)
    first = values_of(folder, 0)
    scale0, row0, col0 = fitted(first.shape, width, height, "right")
    scale = scale0 * 1.25**4
    corner = [row0 + (y - top) * (1 / scale0 - 1 / scale), col0 + (x - left) * (1 / scale0 - 1 / scale)]
    middle = [corner[0] + height / 2 / scale, corner[1] + width / 2 / scale]
    for pane in range(4):
        values, (_, _, wide, high) = values_of(folder, pane), place_of(tab, pane)
        below, from_wall = middle[0] - first.shape[0] / 2, first.shape[1] - middle[1]
        row = values.shape[0] / 2 + below
        col = values.shape[1] - from_wall if WALLS[pane] == "right" else from_wall
        shown = canvas_of(tab, pane)
        expected = area_means(values, (row - high / 2 / scale, col - wide / 2 / scale), scale, shown.shape)
        gray = np.nan_to_num(255 - expected / 4095 * 255)
        assert np.median(np.abs(shown - gray)) <= 1
    press(tab, "k", "i")
    settle(tab)
    assert canvas_of(tab, 2).mean() < 128 < canvas_of(tab, 3).mean(), "the active image alone"


def test_layouts_keep_what_each_image_shows(tab: Tab, folder: Path) -> None:
    open_exam(tab)
    tab.run("document.querySelectorAll('.pane')[3].focus()")
    press(tab, "l")
    settle(tab)
    assert labels(tab) == ["L MLO"]
    press(tab, "n")
    settle(tab)
    assert labels(tab) == ["R CC"]
    press(tab, "l")
    settle(tab)
    assert labels(tab) == ["R CC", "L CC"]
    press(tab, "n", "n")
    settle(tab)
    assert labels(tab) == ["R MLO", "L MLO"]
    assert tab.run("document.activeElement.querySelector('.label').textContent") == "R MLO"
    press(tab, "t", "l")
    settle(tab)
    assert labels(tab) == HUNG
    assert tab.run(STATE).startswith("100 % of true pixels")
    assert best_match(canvas_of(tab, 2), expected_gray(values_of(folder, 2), 0, 4095, False)) == 0


def test_several_files_hang_in_their_order_and_further_ones_fill_free_panes(
    tab: Tab,
    folder: Path,
    server: Served,
) -> None:
    files = {path.stem: path for path in (folder / "PHANTOM-0001").glob("*.dcm")}
    choose_files(tab, "file", [files["L-MLO"], files["R-MLO"]])
    tab.wait("[...document.querySelectorAll('.pane .label')].map((one) => one.textContent).join() === 'R MLO,L MLO'")
    tab.run("document.querySelector('[data-layout=\"4\"]').click()")
    choose_files(tab, "file", [files["L-CC"]])
    tab.wait("[...document.querySelectorAll('.pane .label')].filter((one) => one.textContent).length === 3")
    press(tab, "h")
    settle(tab)
    assert labels(tab) == ["", "L CC", "R MLO", "L MLO"]
    choose_files(tab, "file", [*files.values(), files["R-CC"]])
    tab.wait("[...document.querySelectorAll('.pane .label')].filter((one) => one.textContent).length === 4")
    tab.wait("!document.getElementById('message').hidden")
    assert labels(tab) == HUNG
    assert "1 of the files were left out" in tab.run("document.getElementById('message').textContent")
    tab.wait("true")
    assert len(server.page.images._images) == 4


def test_the_page_goes_on_where_the_browser_takes_webgl_away(tab: Tab) -> None:
    open_file(tab)
    tab.run(FOCUS)
    press(tab, "t")
    before = canvas_of(tab)
    tab.run("document.querySelector('.gray').getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()")
    tab.wait(f"{STATE}.endsWith('2D canvas')")
    assert np.array_equal(canvas_of(tab), before)


def test_opening_images_again_and_again_leaves_no_pane_without_its_image(tab: Tab, folder: Path) -> None:
    """A browser keeps few WebGL contexts: those of closed images are given back."""
    open_exam(tab)
    for number in range(18):
        name = f"{'RL'[number % 2]}-CC"
        tab.run("document.querySelectorAll('.pane')[3].focus()")
        tab.run(f"""(() => {{
            const files = document.getElementById('files');
            files.value = [...files.options].find((one) => one.text.includes('{name}')).value;
            files.dispatchEvent(new Event('change'));
        }})()""")
        tab.wait(f"[...document.querySelectorAll('.label')][3].textContent === '{name.replace('-', ' ')}'")
    assert tab.run(STATE).endswith("WebGL2")
    assert canvas_of(tab, 0).max() > 100
    tab.run("document.querySelectorAll('.pane')[0].focus()")
    settle(tab)
    assert tab.run(STATE).endswith("WebGL2")
