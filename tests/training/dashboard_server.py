"""A server on this machine that stands for Weights & Biases, and stops answering when a test wants it to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

PROJECT = {"id": "p", "name": "mammo", "entity": {"id": "e", "name": "me"}}
BUCKET = {"id": "x", "displayName": "x", "sweepName": None, "historyLineCount": 0, "project": PROJECT}


class Server(ThreadingHTTPServer):
    """Answers what wandb asks of it.

    Args:
        status: of every answer.
        n_answers: requests that are answered; None for all. Connections of later ones are closed.
    """

    daemon_threads = True

    def __init__(self, status: int, n_answers: int | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.n_answers, self.asked = status, n_answers, count()
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """A client that ends closes its connections."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.paths.append(self.path)
        if self.server.n_answers is not None and next(self.server.asked) >= self.server.n_answers:
            self.close_connection = True
            return
        answer = json.dumps(self._answer(content)).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_GET = do_POST  # noqa: N815

    def _answer(self, content: bytes) -> dict[str, Any]:
        if self.path != "/graphql" or self.server.status != 200:
            return {}
        asked = json.loads(content)
        if "ResumeStatus" in asked["query"]:
            return {"data": {"model": {**PROJECT, "bucket": None}}}
        if "UpsertBucket" in asked["query"]:
            return {
                "data": {"upsertBucket": {"bucket": {**BUCKET, "name": asked["variables"]["name"]}, "inserted": True}}
            }
        if "CreateRunFiles" in asked["query"]:
            files = [{"name": name, "uploadUrl": f"{self.server.url}/upload"} for name in asked["variables"]["files"]]
            return {"data": {"createRunFiles": {"runID": "x", "uploadHeaders": [], "files": files}}}
        return {"data": None, "errors": [{"message": "not known here"}]}


@contextmanager
def serving(status: int = 200, n_answers: int | None = None) -> Iterator[Server]:
    """A server that answers in a thread of its own."""
    with Server(status, n_answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
