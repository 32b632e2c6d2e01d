"""The page in a browser, for tests: opening images, pointer and keyboard, and what is on the screen.

Coordinates of pointers are CSS px of the window; those of images are (row, col), px of the image's file.
"""

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.reporting.browser import Tab

SOFTWARE_GL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
NAME = '<img src=x onerror="document.title=1">.dcm'
STATE = "document.getElementById('state').textContent"
FOCUS = "document.querySelector('.pane').focus()"
FULL = (0, 4095, False)
WIDTHS = (1366, 1024, 390)


def open_file(tab: Tab, name: str = "R-MLO") -> None:
    """Choose the first image of the list whose name has a part."""
    tab.run(f"""(() => {{
        const files = document.getElementById('files');
        files.value = [...files.options].find((one) => one.text.includes({name!r})).value;
        files.dispatchEvent(new Event('change'));
    }})()""")
    tab.wait(f"/true pixels/.test({STATE}) && !document.getElementById('about').textContent.startsWith('Opening')")
    settle(tab)


def settle(tab: Tab) -> None:
    tab.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def canvas_gray(tab: Tab) -> NDArray[np.uint8]:
    """Gray levels [rows, cols] of the first image's canvas, read back."""
    width, height, data = tab.run("""(() => {
        const canvas = document.querySelector('.pane .gray');
        const copy = document.createElement('canvas');
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext('2d');
        context.drawImage(canvas, 0, 0);
        const { data } = context.getImageData(0, 0, copy.width, copy.height);
        return [copy.width, copy.height, Array.from(data.filter((_, n) => n % 4 === 0))];
    })()""")
    return np.array(data, np.uint8).reshape(height, width)


def expected_gray(values: NDArray[np.integer[Any]], low: int, high: int, inverted: bool) -> NDArray[np.uint8]:
    """Gray levels by exact fractions, halves upward."""
    table = []
    for value in range(4096):
        exact = Fraction(255 * (min(max(value, low), high) - low), high - low)
        gray = (2 * exact + 1).__floor__() // 2
        table.append(255 - gray if inverted else gray)
    return np.array(table, np.uint8)[values]


def mouse(tab: Tab, event: str, x: float, y: float) -> None:
    pressed = {"button": "left", "clickCount": 1, "buttons": 1} if event != "mouseMoved" else {"buttons": 1}
    tab.send("Input.dispatchMouseEvent", type=event, x=x, y=y, **pressed)


def drag(tab: Tab, *points: tuple[float, float]) -> None:
    mouse(tab, "mousePressed", *points[0])
    for point in points[1:]:
        mouse(tab, "mouseMoved", *point)
    mouse(tab, "mouseReleased", *points[-1])


def press_score(tab: Tab) -> Any:
    """Score by the button; returns what the download says."""
    tab.run("document.getElementById('score').click()")
    tab.wait("!document.getElementById('answer').hidden")
    return tab.run("fetch(document.getElementById('json').href).then((answer) => answer.json())")


def place_of(tab: Tab, pane: int = 0) -> tuple[float, float, float, float]:
    """Left, top, width and height of a shown pane, without its border, CSS px."""
    left, top, width, height = tab.run(f"""(() => {{
        const pane = document.querySelectorAll('.pane')[{pane}];
        const box = pane.getBoundingClientRect();
        return [box.left + pane.clientLeft, box.top + pane.clientTop, pane.clientWidth, pane.clientHeight];
    }})()""")
    return left, top, width, height


def fitted(shape: tuple[int, int], width: float, height: float, wall: str = "") -> tuple[float, float, float]:
    """Scale, and (row, col) of the upper left corner, of an image that is fitted: its chest wall left, right or not."""
    scale = min(width / shape[1], height / shape[0])
    spare = shape[1] - width / scale
    return scale, (shape[0] - height / scale) / 2, {"left": 0.0, "right": spare}.get(wall, spare / 2)


def on_screen(tab: Tab, shape: tuple[int, int], pane: int = 0, wall: str = "") -> Callable[[float, float], list[float]]:
    """From screen px to (row, col), where the whole image is fitted into its pane: computed from its place alone."""
    left, top, width, height = place_of(tab, pane)
    scale, row0, col0 = fitted(shape, width, height, wall)
    return lambda x, y: [row0 + (y - top) / scale, col0 + (x - left) / scale]


def canvas_of(tab: Tab, pane: int = 0, name: str = "gray") -> NDArray[np.uint8]:
    """The gray levels [height, width] on a canvas of a shown pane, which must be gray and opaque."""
    settle(tab)
    width, height, is_gray, data = tab.run(f"""(() => {{
        const canvas = document.querySelectorAll('.pane')[{pane}].querySelector('.{name}');
        const copy = document.createElement('canvas');
        [copy.width, copy.height] = [canvas.width, canvas.height];
        const context = copy.getContext('2d');
        context.drawImage(canvas, 0, 0);
        const {{ data }} = context.getImageData(0, 0, copy.width, copy.height);
        const isGray = data.every((value, n) => (n % 4 === 3 ? value === 255 : value === data[n - (n % 4)]));
        return [copy.width, copy.height, isGray, Array.from(data.filter((_, n) => n % 4 === 0))];
    }})()""")
    assert is_gray
    return np.array(data, np.uint8).reshape(height, width)


def area_means(
    values: NDArray[np.uint16], corner: tuple[float, float], scale: float, size: tuple[int, int]
) -> NDArray[np.float64]:
    """The mean value over the area of each canvas pixel [height, width]; NaN outside the image.

    Each is a difference of the integral of the image, which is linear between its pixels in each direction.
    """

    def edges(start: float, n: int, most: int) -> NDArray[np.float64]:
        return np.clip(start + np.arange(n + 1) / scale, 0, most)

    def at(table: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
        low = np.minimum(places.astype(int), len(table) - 2)
        return table[low] + (places - low)[:, None] * (table[low + 1] - table[low])

    integral = np.pad(values.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, cols = (edges(start, n, most) for start, n, most in zip(corner, size, values.shape, strict=True))
    sums = np.diff(np.diff(at(at(integral, rows).T, cols).T, axis=0), axis=1)
    areas = np.diff(rows)[:, None] * np.diff(cols)
    return np.where(areas > 1e-9, sums / np.maximum(areas, 1e-9), np.nan)


def labels(tab: Tab) -> list[str]:
    """What stands on each shown pane, as in R CC; empty for one without an image."""
    return list(tab.run("[...document.querySelectorAll('.pane .label')].map((one) => one.textContent)"))


def open_exam(tab: Tab, name: str = "R-MLO") -> None:
    """Choose an image of the list, and then its exam."""
    open_file(tab, name)
    tab.run("document.getElementById('exam').click()")
    tab.wait("[...document.querySelectorAll('.pane .label')].filter((one) => one.textContent).length === 4")
    tab.wait("!document.getElementById('about').textContent.startsWith('Opening')")
    settle(tab)


def choose_files(tab: Tab, field: str, paths: Sequence[Path]) -> None:
    """Choose files in a field of the page, as its dialog does."""
    root = tab.send("DOM.getDocument")["root"]["nodeId"]
    node = tab.send("DOM.querySelector", nodeId=root, selector=f"#{field}")["nodeId"]
    tab.send("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])


KEYS = {"ArrowRight": 39, "ArrowDown": 40, "ArrowLeft": 37, " ": 32}


def press(tab: Tab, *keys: str) -> None:
    for key in keys:
        extra = {"text": key} if len(key) == 1 else {}
        for event in ("keyDown", "keyUp"):
            code = KEYS.get(key, 13 if key == "Enter" else 0)
            tab.send("Input.dispatchKeyEvent", type=event, key=key, windowsVirtualKeyCode=code, **extra)


def violations(tab: Tab, axe: str) -> list[Any]:
    """What axe-core finds wrong on the page in every width: rule and elements."""
    found = []
    for width in WIDTHS:
        tab.send("Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=False)
        settle(tab)
        tab.run(f"(() => {{ {axe} }})()")
        answer = tab.run("axe.run(document).then(({ violations }) => JSON.stringify(violations))")
        found += [(width, one["id"], [node["html"] for node in one["nodes"]]) for one in json.loads(answer)]
    return found
