"""A running server of the page for tests, with predictions that follow from the outline alone, and its readers."""

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mammo.geometry import Frame
from mammo.inference.case_image import CaseImage, Placing
from mammo.inference.case_reading import Request
from mammo.inference.prediction import LesionPrediction
from mammo.inference.predictor import PredictOptions
from mammo.maps.view_sources import Kind
from mammo.serving.page_app import Page, application
from mammo.serving.page_extras import NO_EXTRAS, Extras
from mammo.serving.page_files import ListedFiles
from mammo.serving.page_server import page_server
from tests.dicom_out.predictions import BUNDLE, lesion

TIMEOUT_S = 60


class FakePredictor:
    """Scores that follow from the size of the outline; the whole image is one window."""

    placing = Placing(Frame(368, 240, 8), 1.0)
    facts = SimpleNamespace(name=BUNDLE)
    options = PredictOptions(changes=False)
    ensemble = SimpleNamespace(trained_on_phantoms=True)
    error: Exception | None = None
    other_images: tuple[Kind, ...] = ()

    def predict(
        self, image: CaseImage, requests: Sequence[Request], others: Sequence[CaseImage] = ()
    ) -> tuple[LesionPrediction, ...]:
        if self.error:
            raise self.error
        found = []
        for one in requests:
            made = lesion(one.outline.mask, score=int(one.outline.mask.sum()) % 997 / 997)
            saliency = np.linspace(0, 1, 2 * 46 * 30, dtype=np.float32).reshape(2, 46, 30)
            windows = np.array([[100.0, 100.0, 40.0, 30.0]])
            chain = image.admitted.chain
            h = np.array([made.score, 1 - made.score**2])
            found.append(replace(made, outline=one.outline, chain=chain, windows=windows, saliency=saliency, h=h))
        return tuple(found)


@dataclass
class Served:
    """A running server.

    Attributes:
        address: host and port.
        page: what it serves.
        capture: pytest's capsys.
        printed: what was read from it so far.
    """

    address: str
    page: Page
    capture: Any
    printed: str = field(default="")

    @property
    def log(self) -> str:
        """All that was printed so far."""
        found = self.capture.readouterr()
        self.printed += found.out + found.err
        return self.printed

    @property
    def link(self) -> str:
        """The path of the last link that was printed."""
        return re.findall(rf"http://{re.escape(self.address)}(/\?token=\S+)", self.log)[-1]


@contextmanager
def fresh_fork_server() -> Iterator[None]:
    """Let child processes come from a server of their own, as in the command, not from that of other tests."""
    server = forkserver._forkserver  # type: ignore[attr-defined]
    server._stop()
    try:
        yield
    finally:
        server._stop()


@contextmanager
def served(
    capture: Any, predictor: Any = None, files: ListedFiles | None = None, extras: Extras = NO_EXTRAS
) -> Iterator[Served]:
    """A server in a thread of this process; capture is pytest's capsys."""
    page = Page(predictor or FakePredictor(), files or ListedFiles(), extras)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        server = page_server(application(page), address)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while not server.started:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield Served(address, page, capture)
        finally:
            server.should_exit = True
            thread.join(TIMEOUT_S)


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        return str(self.json["detail"])


class Reader:
    """A browser that has opened the last link."""

    def __init__(self, server: Served) -> None:
        self.address, self.cookie = server.address, ""
        entered = self.send("GET", server.link)
        assert entered.status == 200
        self.cookie = entered.headers["set-cookie"].split(";")[0]

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Cookie": self.cookie, "Origin": f"http://{self.address}"} | headers
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        connection.request(method, path, body, {name: value for name, value in sent.items() if value})
        answer = connection.getresponse()
        try:
            content = answer.read()
        except ConnectionResetError:  # the server has closed it before it had read all
            content = b""
        found = Answer(answer.status, content, {name.lower(): value for name, value in answer.getheaders()})
        connection.close()
        return found

    def open(self, content: bytes | Path, query: str = "") -> Answer:
        body = content if isinstance(content, bytes) else content.read_bytes()
        return self.send("POST", f"/api/images?{query}", body)

    def score(self, key: str, outline: object) -> Answer:
        return self.send("POST", f"/api/images/{key}/score", json.dumps(outline))
