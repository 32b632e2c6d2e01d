"""The other images of the exam in the report's viewer, in a real browser.

Left out of make test; make test-browser runs it and needs Chromium.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mammo.report import main

from .browser import Tab, browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tab(views_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The report with its first lesion open; it must log no error and request only its own file."""
    assert main([str(views_root)]) == 0
    page = views_root / "report" / "report.html"
    with browser(tmp_path_factory.mktemp("profile")) as tab:
        tab.open(page, 1366, 900)
        tab.run("document.querySelector('.card').click()")
        yield tab
        assert tab.errors == []
        assert set(tab.requests) == {page.as_uri()}


def test_the_band_lies_around_the_nipple_and_is_cut_at_the_breast_box(tab: Tab) -> None:
    panels = "document.querySelectorAll('#views .view')"
    assert tab.run(f"{panels}.length") == 2
    assert tab.run(f"[...{panels}].every(panel => panel.querySelector('img').naturalWidth === 240)")
    middle = """(() => {
        const [band, ring] = ['.arc', '.nipple'].map((name) => document.querySelector('#views ' + name).getBBox());
        return [band.x + band.width / 2 - ring.x - ring.width / 2, band.y + band.height / 2 - ring.y - ring.height / 2];
    })()"""
    assert tab.run(middle) == pytest.approx([0, 0], abs=0.2)
    assert tab.run("document.querySelector('#views clipPath rect').getBBox().width") > 0
    assert tab.run(f"{panels}[1].querySelectorAll('polygon.there').length") > 0


def test_the_saliency_of_other_images_follows_that_of_the_lesions_image(tab: Tab) -> None:
    shown = "[...document.querySelectorAll('#views canvas')].map(canvas => getComputedStyle(canvas).display !== 'none')"
    before = tab.run(shown)
    tab.press("m")
    assert tab.run(shown) == [not each for each in before]


def test_the_score_with_other_images_is_shown(tab: Tab) -> None:
    assert "other images0." in tab.run("document.getElementById('scores').textContent")
