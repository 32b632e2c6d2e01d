"""Twenty readers at once for five minutes (SECONDS=60: shorter), 5 % of whose files are bad: every answer is right.

Left out of make test; make test-soak runs it, and prints its figures as one JSON object.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")

from mammo.bundle import main as bundle_runs
from tests.inference.conftest import fagg, trained_root  # noqa: F401  (fixtures)
from tests.serving.cases import ROOT, until
from tests.serving.page_cases import Answer, Reader

pytestmark = pytest.mark.soak

READERS, BAD = 20, 0.05
SECONDS = float(os.environ.get("SECONDS", "300"))
N_IMAGES = 12
LONGEST_PAUSE_S = 1.0
TURNED_AWAY = (408, 429, 503)
WAIT_S = 60.0
"""Time within which 95 % are answered."""

GROWTH_MIB = 256
"""Most that the memory of the server's processes may grow after the first tenth of the time."""


@dataclass
class Command:
    """A running `mammo serve`."""

    address: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def link(self) -> str:
        """The path of the last link that was printed."""
        return re.findall(rf"http://{re.escape(self.address)}(/\?token=\S+)", self.log.read_text())[-1]

    def memory_mib(self) -> float:
        """Resident memory of all its processes, MiB; pages that they share count once (PSS)."""
        total = 0
        for status in Path("/proc").glob("[0-9]*/smaps_rollup"):
            try:
                if os.getpgid(int(status.parent.name)) == self.process.pid:
                    total += int(re.search(r"^Pss: +(\d+) kB", status.read_text(), re.M)[1])  # type: ignore[index]
            except OSError:  # it has ended
                continue
        return total / 1024


@contextmanager
def serving(bundle: Path, log: Path) -> Iterator[Command]:
    """The command in a process group of its own, until it is interrupted."""
    words = [sys.executable, "-m", "mammo", "serve", str(bundle), "--port", "0"]
    with log.open("w") as file, subprocess.Popen(words, cwd=ROOT, stdout=file, stderr=file, process_group=0) as process:
        try:
            until(lambda: "token=" in log.read_text() or process.poll() is not None, 120)
            yield Command(re.findall(r"http://([^/]+)/", log.read_text())[-1], log, process)
            assert process.poll() is None, "the server has ended by itself"
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


@dataclass
class Tally:
    """What the readers have met; wrong has a line for each wrong answer."""

    waits: list[float] = field(default_factory=list)
    turned_away: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    n_bad: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, send: Callable[[], Answer]) -> Answer:
        """An answer; one that turns away is followed by another try, which the wait includes."""
        started = time.monotonic()
        while (answer := send()).status in TURNED_AWAY:
            with self.lock:
                self.turned_away[answer.status] += 1
            time.sleep(2)
        with self.lock:
            self.waits.append(time.monotonic() - started)
        return answer

    def check(self, is_right: bool, what: str) -> None:
        """Note an answer that is wrong."""
        if not is_right:
            with self.lock:
                self.wrong.append(what)


def outlines_on(opened: dict[str, Any]) -> list[dict[str, Any]]:
    """Three outlines around the middle of an image."""
    row, col = opened["rows"] // 2, opened["cols"] // 2
    return [
        {"box": [row - 12, row + 9, col - 8, col + 15]},
        {"circle": [row + 3.5, col - 2.25, 11.5]},
        {"polygon": [[row - 10, col - 10], [row - 4, col + 14], [row + 13, col + 2.5]]},
    ]


def bad_file(rng: random.Random, image: bytes) -> bytes:
    """A file that must be rejected."""
    cut = image[: rng.randrange(200, len(image) // 2)]
    return rng.choice([b"", b"not an image", b"\x89PNG\r\n\x1a\n" + rng.randbytes(500), cut, b"PK\x03\x04" + cut])


Truth = dict[bytes, tuple[bytes, list[Any]]]
"""By the content of an image its pixels, and the answers to its outlines, for a single reader."""


def truth_of(server: Command, images: list[bytes]) -> Truth:
    """What a single reader gets."""
    found: Truth = {}
    for number, image in enumerate(images):
        if number % 10 == 0:  # within the rate of one reader
            reader = Reader(server)  # type: ignore[arg-type]
        opened = reader.open(image).json
        pixels = reader.send("GET", f"/api/images/{opened['key']}/pixels").body
        found[image] = pixels, [reader.score(opened["key"], one).json for one in outlines_on(opened)]
    return found


def read(server: Command, truth: Truth, seed: int, until_s: float, tally: Tally) -> None:
    """One reader's work: opens images, some of them bad, and has outlines scored."""
    rng, reader = random.Random(seed), Reader(server)  # type: ignore[arg-type]
    images = list(truth)
    while time.monotonic() < until_s:
        image = rng.choice(images)
        if rng.random() < BAD:
            content = bad_file(rng, image)
            answer = tally.ask(lambda content=content: reader.open(content))  # type: ignore[misc]
            tally.check(answer.status == 422 and len(answer.detail) > 10, f"bad file: {answer.status}")
            tally.n_bad += 1
            continue
        opened = tally.ask(lambda image=image: reader.open(image)).json  # type: ignore[misc]
        pixels, answers = truth[image]
        if rng.random() < 0.5:
            shown = reader.send("GET", f"/api/images/{opened['key']}/pixels").body
            tally.check(shown == pixels, "pixels")
        for place, number in enumerate(rng.sample(range(3), rng.randint(1, 3)), 1):
            outline = outlines_on(opened)[number]
            time.sleep(rng.uniform(0, LONGEST_PAUSE_S))
            answer = tally.ask(lambda o=outline, k=opened["key"]: reader.score(k, o))  # type: ignore[misc]
            expected = answers[number] | {"number": place}  # since the image was opened
            tally.check(answer.json == expected, f"score: {answer.status}")


def test_twenty_readers_get_the_answers_of_a_single_one(
    fagg: Path,  # noqa: F811
    trained_root: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundle, log = tmp_path / "my.bundle", tmp_path / "log"
    assert bundle_runs([str(fagg), "-o", str(bundle), "--sensitivity-lesions", "3"]) == 0
    images = [path.read_bytes() for path in sorted((trained_root / "dicom").rglob("*.dcm"))[:N_IMAGES]]
    tally, memory = Tally(), list[float]()
    with serving(bundle, log) as server:
        truth = truth_of(server, images)
        started = time.monotonic()
        ends = started + SECONDS
        readers = [threading.Thread(target=read, args=(server, truth, n, ends, tally)) for n in range(READERS)]
        for thread in readers:
            thread.start()
            time.sleep(0.1)  # each link is printed when the one before was used
        while any(thread.is_alive() for thread in readers):
            memory.append(server.memory_mib())
            time.sleep(SECONDS / 60)
        seconds = time.monotonic() - started
    printed = log.read_text()
    first, last = max(memory[: len(memory) // 10 + 1]), memory[-1]
    figures = {
        "seconds": round(seconds),
        "requests": len(tally.waits),
        "bad_files": tally.n_bad,
        "wrong": len(tally.wrong),
        "turned_away": dict(tally.turned_away),
        "median_s": round(float(np.median(tally.waits)), 2),
        "p95_s": round(float(np.quantile(tally.waits, 0.95)), 2),
        "longest_s": round(max(tally.waits), 2),
        "memory_mib": {"first": round(first), "last": round(last), "most": round(max(memory))},
    }
    with capsys.disabled():
        print("\n" + json.dumps(figures))
    assert tally.wrong == []
    assert tally.n_bad > 0
    assert figures["p95_s"] <= WAIT_S
    assert max(memory) <= first + GROWTH_MIB
    assert "defect" not in printed
    assert "Traceback" not in printed
    assert "PHANTOM" not in printed
