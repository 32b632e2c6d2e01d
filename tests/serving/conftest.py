"""A running server of the page, and the page in a browser, for the tests of both.

axe-core (an npm package) is read from MAMMO_AXE, the path of its axe.min.js; without it its tests are left out.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mammo.phantoms.cohort import write_cohort
from mammo.phantoms.spec import CohortSpec

if TYPE_CHECKING:
    from tests.reporting.browser import Tab
    from tests.serving.page_cases import Served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Mammograms of a phantom patient; one has a name with HTML."""
    from tests.serving.page_cases import fresh_fork_server  # needs the extra serve
    from tests.serving.page_tab import NAME

    root = tmp_path_factory.mktemp("page")
    write_cohort(CohortSpec(seed=3, scale=0.125, n_patients=1), root, processes=1)
    (root / NAME).write_bytes(next(root.rglob("R-MLO.dcm")).read_bytes())
    with fresh_fork_server():
        yield root


@pytest.fixture
def server(capsys: pytest.CaptureFixture[str], folder: Path) -> "Iterator[Served]":
    """A server that lists the images of the fixture `folder`."""
    from mammo.serving.page_files import ListedFiles
    from tests.serving.page_cases import served

    with served(capsys, files=ListedFiles.of(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def browser_tab(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Tab]":
    from tests.reporting.browser import browser
    from tests.serving.page_tab import SOFTWARE_GL

    with browser(tmp_path_factory.mktemp("profile"), *SOFTWARE_GL) as tab:
        yield tab


@pytest.fixture
def axe() -> str:
    """The source of axe-core."""
    path = os.environ.get("MAMMO_AXE")
    if not path:
        pytest.skip("MAMMO_AXE is not set: npm install axe-core in any folder, and name its axe.min.js")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture
def tab(browser_tab: "Tab", server: "Served") -> "Iterator[Tab]":
    """The page; it must log no error and request nothing but what its own server has."""
    browser_tab.errors.clear()
    browser_tab.requests.clear()
    browser_tab.visit(f"http://{server.address}{server.link}", 1366, 768)
    browser_tab.wait("document.getElementById('files').options.length > 0")
    yield browser_tab
    assert browser_tab.errors == []
    assert all(address.startswith((f"http://{server.address}/", "data:")) for address in browser_tab.requests)
