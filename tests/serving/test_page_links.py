"""Links to the page in a real browser: from a mail or chat in the browser, and a second time.

Left out of make test; make test-browser runs it and needs Chromium.
"""

from base64 import b64encode
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from tests.reporting.browser import Tab
from tests.serving.page_cases import served

pytestmark = pytest.mark.browser

IS_PAGE = "document.title === 'mammo: outline and score'"


def follow(tab: Tab, link: str) -> None:
    """Click a link on a page of another site, and wait for what it opens."""
    page = b64encode(f'<a href="{link}">open</a>'.encode()).decode()
    tab.visit(f"data:text/html;base64,{page}", 800, 600)
    tab.run("document.querySelector('a').click()")
    tab.wait("document.readyState === 'complete' && location.protocol === 'http:'")


def test_a_link_in_a_mail_opens_the_page_and_works_once(browser_tab: Tab, capsys: Any) -> None:
    tab = browser_tab
    with served(capsys) as server:
        link = f"http://{server.address}{server.link}"
        follow(tab, link)
        tab.wait(f"location.href === 'http://{server.address}/' && {IS_PAGE}")
        tab.send("Page.reload")
        tab.wait(IS_PAGE)
        tab.visit(link, 800, 600)  # typed or from the history
        assert tab.run(IS_PAGE)
        follow(tab, link)  # without the cookie, as browsers have it
        assert f"open http://{server.address}." in tab.run("document.body.innerText")
        tab.visit(f"http://{server.address}/", 800, 600)
        assert tab.run(IS_PAGE)
