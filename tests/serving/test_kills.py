"""A node that is killed with SIGKILL at any step loses no result and doubles none (FULL=1: every step of 100 cases)."""

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from pydicom.dataset import Dataset
from pynetdicom import Association

from mammo.inference.prediction import CasePrediction
from mammo.io import atomic_write
from mammo.serving.application_entity import Address
from mammo.serving.case_queue import CaseQueue, Limits
from mammo.serving.node import Node, NodeSettings
from tests.faults.cases import check_cases
from tests.serving.cases import (
    SCORER,
    CountingPeer,
    content,
    counting_peer,
    expected_results,
    expected_uids,
    image,
    outlines,
)

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree", "socket.connect")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NEVER = 0


def count_steps(folder: Path, at: int) -> Callable[[], int]:
    """Count this process's steps, before each change of the disk and around each message, and kill it at one."""
    seen = 0

    def step() -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
        if (writes or event in CHANGES) and (event == "socket.connect" or str(folder) in str(arguments[0])):
            step()

    fsync, send = os.fsync, Association.send_c_store

    def syncing(opened: int) -> None:
        step()
        fsync(opened)

    def sending(self: Association, *arguments: Any) -> Any:
        step()
        answer = send(self, *arguments)
        step()
        return answer

    os.fsync, Association.send_c_store = syncing, sending  # type: ignore[method-assign]
    sys.addaudithook(hook)
    return lambda: seen


@cache
def received(number: int) -> dict[str, bytes]:
    """The files that a case is received as, by SOP Instance UID."""
    return {made.SOPInstanceUID: content(made) for made in (image(number), outlines(number))}


@cache
def results(number: int) -> dict[str, bytes]:
    """The files of the results of a case, by name."""
    return {name: content(made) for name, made in expected_results(number).items()}


def write_results(prediction: CasePrediction, source: Dataset, *arguments: Any) -> None:
    """Write what dicom_results would make, made once: the steps are the same, and a run takes a tenth of the time."""
    for name, made in results(int(source.SOPInstanceUID.split(".")[3])).items():
        with atomic_write(arguments[-1] / name) as path:
            path.write_bytes(made)


def work(folder: Path, number: int, peer: Address, confirmed: Path) -> None:
    """Receive a case, score it and send the results; confirmed names the objects that a sender was answered for."""
    queue = CaseQueue(folder, Limits(free_bytes=0))
    node = Node(queue, SCORER, NodeSettings(Address("MAMMO", "127.0.0.1", 11112), ("SENDER",), peer))
    with queue.held():
        for uid, made in received(number).items():
            if uid not in confirmed.read_text():
                name = queue.receive(made, uid)
                with confirmed.open("a") as file:
                    file.write(f"{uid} {name}\n")
        while node.score_next() | node.send():
            pass


def run(folder: Path, number: int, peer: Address, confirmed: Path, at: int) -> int | None:
    """Work in a fork that is killed at a step; returns the number of its steps, None if it was killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            seen = count_steps(folder, at)
            work(folder, number, peer, confirmed)
            os.write(writing, str(seen()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with os.fdopen(reading) as steps:
        text = steps.read()
    assert result in (0, -signal.SIGKILL)
    return int(text) if text else None


def check_kills(folder: Path, number: int, peer: CountingPeer, kills: list[int]) -> None:
    """Kill the work on a case at these steps, one run after the other, let it end, and check what the peer has."""
    folder.mkdir()
    confirmed, queue = folder / "confirmed", folder / "queue"
    confirmed.touch()
    for at in [*kills, NEVER]:
        run(queue, number, peer.address, confirmed, at)
        for line in confirmed.read_text().splitlines():
            found = queue.rglob(line.split()[1])
            assert any(path.stat().st_size for path in found), "a confirmed object is lost"
    assert CaseQueue(queue).status() | {"received/images": 0, "received/outlines": 0} == {
        "received/images": 0,
        "received/outlines": 0,
        "scored": 0,
        "sent": 1,
        "failed": 0,
    }
    assert [path for path in queue.rglob(".*") if path.name != ".lock"] == []


def test_killed_at_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mammo.serving.node.write_dicom_results", write_results)
    with counting_peer(tmp_path / "peer.log") as peer:
        received(100), results(100)  # so that each fork finds them made
        (tmp_path / "confirmed").touch()
        n_steps = run(tmp_path / "queue", 100, peer.address, tmp_path / "confirmed", NEVER)
        assert n_steps is not None
        assert n_steps > 30
        pairs = list(product(range(100, 200), range(1, n_steps + 1)))

        def check(pair: tuple[int, int]) -> None:
            number, at = pair
            rng = random.Random(str(pair))
            again = [rng.randrange(1, n_steps)] if rng.random() < 1 / 3 else []  # the next run is killed too
            received(number), results(number)
            peer.log.write_text("", encoding="utf-8")
            shutil.rmtree(tmp_path / "case", ignore_errors=True)  # of a failure before
            check_kills(tmp_path / "case", number, peer, [at, *again])
            objects = set(peer.objects())  # every result is there, and each identifier stands for one content
            assert sorted(uid for uid, _ in objects) == expected_uids(number)

        check_cases("node", {f"case {number}, step {at}": (number, at) for number, at in pairs}, check, 10)
