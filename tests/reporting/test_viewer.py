"""The report in a real browser: sorting, filtering, viewing lesions, without errors and without network requests.

Left out of make test; make test-browser runs it and needs Chromium.
"""

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from mammo.report import main

from .browser import Tab, browser

pytestmark = pytest.mark.browser
SHIFT = 8


@pytest.fixture(scope="module")
def page(reported_root: Path) -> Path:
    assert main([str(reported_root)]) == 0
    return reported_root / "report" / "report.html"


@pytest.fixture(scope="module")
def browser_tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture
def tab(browser_tab: Tab, page: Path) -> Iterator[Tab]:
    """The report, newly loaded in a laptop's window; it must log no error and request only its own file."""
    browser_tab.errors.clear()
    browser_tab.requests.clear()
    browser_tab.open(page, 1366, 800)
    yield browser_tab
    browser_tab.run("document.getElementById('viewer').close()")
    assert browser_tab.errors == []
    assert set(browser_tab.requests) == {page.as_uri()}


CARDS = "[...document.querySelectorAll('.card')]"
SCORES = f"{CARDS}.map(card => Number(card.querySelector('strong').textContent))"
ERRORS = f"""{CARDS}.map(card => {{
    const score = Number(card.querySelector('strong').textContent);
    return card.querySelector('.malignant') ? 1 - score : score;
}})"""


def choose(tab: Tab, field: str, value: str) -> None:
    found = f"document.getElementById('{field}')"
    tab.run(f"{found}.value = '{value}', {found}.dispatchEvent(new Event('change'))")


def is_drawn(tab: Tab, layer: str) -> bool:
    return bool(tab.run(f"getComputedStyle(document.getElementById('layer-{layer}')).display !== 'none'"))


def test_lesions_are_sorted(tab: Tab) -> None:
    assert tab.run(ERRORS) == sorted(tab.run(ERRORS), reverse=True)
    choose(tab, "sort", "low")
    assert tab.run(SCORES) == sorted(tab.run(SCORES))
    choose(tab, "sort", "high")
    assert tab.run(SCORES) == sorted(tab.run(SCORES), reverse=True)


def test_lesions_are_filtered(tab: Tab) -> None:
    everything = tab.run(f"{CARDS}.length")
    choose(tab, "filter-label", "malignant")
    malignant = tab.run(f"{CARDS}.length")
    assert 0 < malignant < everything
    assert tab.run(f"{CARDS}.every(card => card.querySelector('.malignant'))")
    choose(tab, "filter-density", tab.run("document.getElementById('filter-density').options[1].value"))
    assert 0 < tab.run(f"{CARDS}.length") < malignant
    choose(tab, "filter-density", "*")
    choose(tab, "filter-split", "val")
    assert tab.run(f"{CARDS}.length") < malignant
    assert (
        tab.run("document.getElementById('count').textContent")
        == f"{tab.run(f'{CARDS}.length')} of {everything} lesions"
    )


def test_thumbnails_show_their_lesion_on_the_screen_and_on_paper(tab: Tab) -> None:
    n_lesions = tab.run(f"{CARDS}.length")
    assert tab.run(f"{CARDS}.every(card => card.querySelector('svg image').href.baseVal.startsWith('data:image/jpeg'))")
    inside = f"""{CARDS}.every(card => {{
        const [outline, view] = [card.querySelector('polygon').getBBox(), card.querySelector('svg').viewBox.baseVal];
        return outline.x >= view.x && outline.x + outline.width <= view.x + view.width;
    }})"""
    assert tab.run(inside)
    pdf = b64decode(tab.send("Page.printToPDF", printBackground=True)["data"])
    n_images = len(set(tab.run(f"{CARDS}.map(card => card.querySelector('svg image').href.baseVal)")))
    assert pdf.count(b"/Filter /DCTDecode") >= n_images, "no mammogram of the gallery is left out of a printed page"
    assert n_lesions >= n_images


def test_a_lesion_has_an_address_that_opens_it(tab: Tab, page: Path) -> None:
    tab.run(f"{CARDS}[2].click()")
    link, title = (
        tab.run("document.getElementById('link').href"),
        tab.run("document.getElementById('title').textContent"),
    )
    lesion = tab.run(f"{CARDS}[2].dataset.lesion")
    assert link == f"{page.as_uri()}#lesion-{lesion}" == tab.run("location.href")
    tab.press("Escape")
    tab.wait("location.hash === ''")
    tab.send("Page.navigate", url="about:blank")
    tab.wait("location.href === 'about:blank'")
    tab.send("Page.navigate", url=link)
    tab.wait("document.readyState === 'complete' && document.getElementById('viewer')?.open")
    assert tab.run("document.getElementById('title').textContent") == title
    tab.press("Escape")
    choose(tab, "filter-label", "malignant" if "benign" in title else "benign")
    tab.run(f"location.hash = '#lesion-{lesion}'")
    tab.wait("document.getElementById('viewer').open")
    assert tab.run("document.getElementById('title').textContent") == title, "a filter does not hide a named lesion"
    tab.run("document.getElementById('viewer').close()")
    tab.requests.clear()
    tab.open(page, 1366, 800)


def test_a_lesion_opens_with_its_values_and_focus_returns_to_its_card(tab: Tab) -> None:
    tab.run(f"{CARDS}[1].focus()")
    tab.press("Enter")
    tab.wait("document.getElementById('viewer').open")
    score = tab.run(SCORES)[1]
    shown = tab.run("document.getElementById('scores').textContent")
    assert f"with context{score:.3f}" in shown
    assert "without context0." in shown
    assert tab.run("document.querySelectorAll('#histogram .bar').length") == 20
    assert tab.run("document.querySelectorAll('#layer-windows rect').length") == 4
    assert tab.run("document.getElementById('image').naturalWidth") == 240
    assert "Synthetic phantom" in tab.run("document.getElementById('viewer').textContent")
    tab.press("Escape")
    tab.wait("!document.getElementById('viewer').open")
    assert tab.run(f"document.activeElement === {CARDS}[1]")


def test_overlays_are_toggled_by_key_and_by_click(tab: Tab) -> None:
    tab.run(f"{CARDS}[0].click()")
    keys = {"o": "outline", "w": "windows", "m": "malignant", "b": "benign", "i": "location"}
    for key, layer in keys.items():
        before = is_drawn(tab, layer)
        tab.press(key)
        assert is_drawn(tab, layer) != before
        tab.run(f"document.querySelector('#toggles input[value={layer}]').click()")
        assert is_drawn(tab, layer) == before
    painted = "document.getElementById('layer-malignant').getContext('2d').getImageData(0, 0, 30, 46).data"
    assert tab.run(f"Math.max(...{painted}.filter((_, i) => i % 4 === 3))") == 200


def test_the_mammogram_is_zoomed_and_moved(tab: Tab) -> None:
    tab.run(f"{CARDS}[0].click()")
    place = "document.getElementById('layers').style.transform"
    whole = tab.run(place)
    tab.press("+")
    assert tab.run(place) != whole
    tab.press("0")
    assert tab.run(place) == whole
    tab.press("l")
    near = tab.run(place)
    tab.press("ArrowUp", SHIFT)
    assert tab.run(place) not in (near, whole)


def test_arrow_keys_step_through_the_lesions(tab: Tab) -> None:
    tab.run(f"{CARDS}[0].click()")
    title = "document.getElementById('title').textContent"
    first = tab.run(title)
    tab.press("ArrowLeft")
    assert tab.run(title) != first
    tab.press("ArrowRight")
    assert tab.run(title) == first


@pytest.mark.parametrize(("width", "height", "mobile"), [(1366, 800, False), (390, 844, True)])
def test_nothing_is_wider_than_the_screen(tab: Tab, page: Path, width: int, height: int, mobile: bool) -> None:
    tab.open(page, width, height, mobile)
    assert tab.run("document.documentElement.scrollWidth") <= width
    tab.run(f"{CARDS}[0].click()")
    box = tab.run(
        "(() => { const b = document.getElementById('stage').getBoundingClientRect(); return [b.width, b.height]; })()"
    )
    assert box[0] >= 0.6 * width
    assert box[1] >= 0.3 * height
