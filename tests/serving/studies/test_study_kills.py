"""A study of 60 cases whose server is killed with SIGKILL at 20 moments: nothing is lost, doubled or out of order."""

import http.client
import itertools
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.serving.studies.journal import read_journal
from mammo.serving.studies.order import steps_of
from mammo.serving.studies.prepared import ANSWERS
from tests.serving.cases import until
from tests.serving.studies.served_study import forked_study
from tests.serving.studies.study_cases import prepared_study, write_store, write_study

KINDS = ("before", "torn", "written", "synced")
MOMENTS = [*itertools.product(KINDS, (1, 2, 7, 11)), *[("between", number) for number in (1, 3, 5, 8)]]
"""Where the server ends: at the number-th line that it writes or syncs, or between two answers."""


class Client:
    """A reader's browser at a server that can end at any time."""

    def __init__(self, link: str) -> None:
        self.address, _, token = link.removeprefix("http://").partition("/")
        self.cookie = ""
        self.send("GET", f"/{token}")

    def send(self, method: str, path: str, content: object = None) -> Any:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {"Cookie": self.cookie, "Origin": f"http://{self.address}"}
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {name: value for name, value in headers.items() if value})
        answer = connection.getresponse()
        self.cookie = (answer.getheader("set-cookie") or self.cookie).split(";")[0]
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text) if path.startswith("/api") else None


@contextmanager
def server(study: Path, kind: str, number: int) -> Iterator[tuple[int, Client]]:
    """The process id of a server that ends at a step, and a client that has opened its link."""
    log = study.parent / "log"
    with forked_study(study, log, kind, number) as pid:
        until(lambda: "reader R1)" in log.read_text(), 60)
        yield pid, Client(re.findall(r"reader R1\): (\S+)", log.read_text())[-1])
    assert "Traceback" not in log.read_text()


@dataclass
class Reading:
    """What a reader has sent, by step, and how many answers were confirmed."""

    sent: dict[int, float] = field(default_factory=dict)
    confirmed: int = 0

    def go_on(self, client: Client, last: int) -> None:
        """Answer step after step until the last answer is confirmed, or the server ends."""
        kept = client.send("GET", "/api/study")["answered"]
        assert kept in (self.confirmed, len(self.sent)), "an answer was lost, or one was made up"
        self.confirmed = kept
        while self.confirmed < last:
            number = client.send("POST", "/api/study/step?reader=R1")["number"]
            assert number == self.confirmed
            self.sent[number] = (number * 7 + len(self.sent)) % 101
            answer = {"step": number, "probability": self.sent[number], "decision": "biopsy", "seconds": 1.0}
            self.confirmed = client.send("POST", "/api/study/answers?reader=R1", answer)["answered"]


@pytest.mark.faults
def test_a_study_of_sixty_cases_killed_at_twenty_moments(tmp_path: Path) -> None:
    study = write_study(tmp_path, write_store(tmp_path / "store", 60))
    prepared, _ = prepared_study(study)
    reading, journal = Reading(), tmp_path / "study" / ANSWERS
    for kind, number in MOMENTS:
        with server(study, kind, number) as (pid, client):
            with suppress(OSError, http.client.HTTPException):
                reading.go_on(client, reading.confirmed + number if kind == "between" else 120)
                os.kill(pid, signal.SIGKILL)
            assert os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_status == signal.SIGKILL
    assert 20 < reading.confirmed < 120
    with server(study, "never", 0) as (_, client):
        reading.go_on(client, 120)
    steps = steps_of(prepared.settings.design, 7, ["R1", "R2"], "R1", 60)
    answers = [entry for entry in read_journal(journal) if entry["event"] == "answer"]
    assert [entry["step"] for entry in answers] == list(range(120))
    assert [entry["lesion_id"] for entry in answers] == [prepared.lesions[step.case] for step in steps]
    assert {entry["step"]: entry["probability"] for entry in answers} == reading.sent
