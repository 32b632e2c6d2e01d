"""What follows the answer, in a real browser: similar lesions, DICOM results and the peer, in words.

Left out of make test; make test-browser runs it and needs Chromium.
"""

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from mammo.inference.neighbors import Neighbors
from mammo.serving.page_extras import Extras
from mammo.serving.page_files import ListedFiles
from mammo.serving.page_neighbors import N_SHOWN, PageNeighbors
from mammo.store.manifest import Manifest
from tests.reporting.browser import Tab, browser
from tests.serving.cases import counting_peer, until
from tests.serving.page_cases import FakePredictor, Served, fresh_fork_server, served
from tests.serving.page_tab import FOCUS, drag

pytestmark = pytest.mark.browser

MORE = "document.getElementById('more')"


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as found, fresh_fork_server():
        yield found


def visit(tab: Tab, server: Served) -> None:
    """Open the page, the first image of its list, and score a box on it."""
    tab.errors.clear()
    tab.visit(f"http://{server.address}{server.link}", 1366, 900)
    tab.wait("document.getElementById('files').options.length > 0")
    tab.run("""(() => {
        const files = document.getElementById('files');
        files.value = files.options[0].value;
        files.dispatchEvent(new Event('change'));
    })()""")
    tab.wait("/true pixels/.test(document.getElementById('state').textContent)")
    tab.run("document.querySelector('[data-tool=box]').click()")
    score_box(tab, 400)
    tab.wait("!document.getElementById('answer').hidden")


def score_box(tab: Tab, bottom: float) -> None:
    """Draw a box down to a place of the window, and ask for its score."""
    drag(tab, (430, 330), (500, bottom))
    tab.run("document.getElementById('score').click()")


def neighbors_of(small_root: Path, predictor: Any) -> PageNeighbors:
    """The labeled lesions of the small store, with h and scores at random."""
    manifest = Manifest.load(small_root / "store")
    labeled = manifest.lesions[manifest.lesions["label"] != "none"]
    part = Manifest(manifest.frame, manifest.images, labeled, manifest.sources)
    h = np.random.default_rng(0).normal(size=(len(labeled), 2))
    found = Neighbors.of_lesions(small_root / "store", part, h)
    scores = {row: row / 1000 for row in range(len(labeled))}
    return PageNeighbors(predictor, found, "drawn by mammo", {}, [], scores)


def test_similar_lesions_and_dicom_results_follow_the_answer(
    tab: Tab, small_root: Path, tmp_path: Path, capsys: Any
) -> None:
    predictor: Any = FakePredictor()
    predictor.facts = SimpleNamespace(name=predictor.facts.name, images=SimpleNamespace(knows=lambda _: True))
    files = ListedFiles.of(small_root / "dicom")
    with counting_peer(tmp_path / "log") as peer:
        extras = Extras(peer.address, None, neighbors_of(small_root, predictor))
        with served(capsys, predictor, files, extras) as server:
            visit(tab, server)
            tab.wait(f"{MORE}.querySelectorAll('.neighbors li').length === {N_SHOWN}")
            tab.wait(f"[...{MORE}.querySelectorAll('img')].every((one) => one.naturalWidth > 0)")
            items = tab.run(f"[...{MORE}.querySelectorAll('li')].map((one) => one.innerText)")
            assert all("by biopsy. Score 0." in item and "(seen in training)" in item for item in items)
            assert {item.split()[0] for item in items} <= {"malignant", "benign"}
            assert "trained or selected on those" in tab.run(f"{MORE}.innerText")
            assert "prove nothing about this lesion" in tab.run(f"{MORE}.innerText")
            link = tab.run(f"{MORE}.querySelector('a').href")
            content = tab.run(
                f"fetch({link!r}).then((one) => one.arrayBuffer()).then((one) => Array.from(new Uint8Array(one)))"
            )
            with ZipFile(BytesIO(bytes(content))) as archive:
                assert archive.namelist() == ["report.dcm", "outlines.dcm", "picture-1.dcm"]
            assert tab.run(f"{MORE}.querySelector('button').textContent") == f"Send to {peer.address}"
            tab.run(f"{MORE}.querySelector('button').click()")
            tab.wait(f"/^Sent: /.test({MORE}.querySelector('[role=status]').textContent)")
            assert len(peer.objects()) == 3
            assert tab.errors == []
            for width in (1366, 1024, 390):
                tab.send(
                    "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
                )
                assert tab.run("document.documentElement.scrollWidth") <= width
        tab.run(f"{MORE}.querySelector('button').click()")  # the server has ended
        tab.wait(f"/does not answer/.test({MORE}.querySelector('[role=status]').textContent)")


def test_a_page_without_extras_offers_the_archive_alone(tab: Tab, small_root: Path, capsys: Any) -> None:
    with served(capsys, files=ListedFiles.of(small_root / "dicom")) as server:
        visit(tab, server)
        assert tab.run(f"{MORE}.innerText").strip() == "Download DICOM (SR, SEG, picture)"
        assert tab.errors == []


class PausedPredictor(FakePredictor):
    """Predicts when it is let."""

    def __init__(self) -> None:
        self.lets = threading.Semaphore(1)

    def predict(self, *arguments: Any) -> Any:
        self.lets.acquire()
        return super().predict(*arguments)


def test_the_download_beside_an_answer_is_not_that_of_an_outline_that_was_scored_later(
    tab: Tab, small_root: Path, capsys: Any
) -> None:
    """Two outlines are being scored; the reader undoes the second, so that the answer to the first is shown."""
    predictor = PausedPredictor()
    with served(capsys, predictor, ListedFiles.of(small_root / "dicom")) as server:
        visit(tab, server)
        score_box(tab, 420)
        score_box(tab, 450)
        tab.run(FOCUS)
        tab.press("z")
        predictor.lets.release()
        tab.wait("!document.getElementById('answer').hidden")
        score = tab.run("document.querySelector('#answer .score').textContent")
        predictor.lets.release()
        (image,) = server.page.images._images.values()
        until(lambda: image.last is not None and image.last.number == 3)
        assert tab.run("document.querySelector('#answer .score').textContent") == score
        for link in ("#json", "#png", "#more a"):
            status = tab.run(f"fetch(document.querySelector('{link}').href).then((answer) => answer.status)")
            assert status == 422
    tab.errors.clear()
