"""Servers of a study: in a thread of the test, and in a fork of it that kills itself at a step."""

import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo.serving.page_server import page_server, serve_page
from mammo.serving.studies.cases import StudyCases
from mammo.serving.studies.study_app import StudyPage, study_application
from tests.serving.studies.study_cases import Clock, opened


@dataclass
class ServedStudy:
    """A server of a study in a thread of this process.

    Attributes:
        address: host and port.
        page: what it serves.
        capture: pytest's capsys.
    """

    address: str
    page: StudyPage
    capture: Any
    printed: str = ""

    @property
    def log(self) -> str:
        """All that was printed so far."""
        found = self.capture.readouterr()
        self.printed += found.out + found.err
        return self.printed

    def link(self, reader: str) -> str:
        """The path of a reader's last link."""
        lines = [line for line in self.log.splitlines() if f"works once, reader {reader})" in line]
        return "/" + lines[-1].partition(f"http://{self.address}/")[2]


@contextmanager
def served_study(capture: Any, path: Path, clock: Clock | None = None) -> Iterator[ServedStudy]:
    """Serve a study within the block."""
    with opened(path, clock) as study, socket.create_server(("127.0.0.1", 0)) as listener:
        page = StudyPage(study, StudyCases.of(study.prepared.settings))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        server = page_server(study_application(page), address, study.prepared.settings.readers)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield ServedStudy(address, page, capture)
        finally:
            server.should_exit = True
            thread.join(30)


class Killer:
    """Kills this process before or in the midst of the number-th line of the journal, or before or after its fsync."""

    def __init__(self, kind: str, number: int) -> None:
        self.kind, self.number, self.seen = kind, number, 0
        self.pwrite, self.fsync = os.pwrite, os.fsync
        os.pwrite, os.fsync = self.write, self.sync  # type: ignore[assignment]

    def step(self, kind: str) -> bool:
        self.seen += kind == self.kind
        return kind == self.kind and self.seen == self.number

    def write(self, descriptor: int, line: bytes, place: int) -> int:
        if self.step("before"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.step("torn"):
            self.pwrite(descriptor, line[: len(line) // 2], place)
            os.kill(os.getpid(), signal.SIGKILL)
        return self.pwrite(descriptor, line, place)

    def sync(self, descriptor: int) -> None:
        if self.step("written"):
            os.kill(os.getpid(), signal.SIGKILL)
        self.fsync(descriptor)
        if self.step("synced"):
            os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def forked_study(path: Path, log: Path, kind: str, number: int) -> Iterator[int]:
    """Serve a study in a fork, which ends at the number-th step of a kind (Killer; 0: never); yields its process id.

    What it prints is in the log.
    """
    log.write_text("")
    pid = os.fork()
    if not pid:
        try:
            sys.stdout = sys.stderr = log.open("a")
            _serve(path, kind, number)
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            sys.stderr.flush()
            os._exit(1)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)  # a zombie until it is waited for
        os.waitpid(pid, 0)


def _serve(path: Path, kind: str, number: int) -> None:
    with opened(path) as study:
        settings = study.prepared.settings
        page = StudyPage(study, StudyCases.of(settings))
        Killer(kind, number)
        serve_page(study_application(page), "127.0.0.1", 0, settings.readers)
