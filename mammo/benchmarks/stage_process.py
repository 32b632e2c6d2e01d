"""Stages of a benchmark, each in a process of its own under a time limit, with facts in a file as they come.

A stage that fails, hangs or is killed keeps the facts that it had written, and the stages after it still run.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from mammo.io import atomic_write
from mammo.machine import without_interrupts
from mammo.text import print_text

SPEED = "speed.json"
"""File in a run folder with the facts of its training (mammo.benchmarks.speed_record)."""

KEPT_LINES = 20
"""Last lines of the output of a stage that failed, which are printed."""


@dataclass(frozen=True)
class Job:
    """What a stage works with.

    Attributes:
        name: of the stage, and of the group of its runs.
        root: folder of the store, of all runs, and of the files of all stages.
        rounds: how often it repeats what it times.
        limit_s: its time limit.
    """

    name: str
    root: Path
    rounds: int
    limit_s: float

    @property
    def log(self) -> Path:
        """The file of its output."""
        return self.root / f"{self.name}.log"

    @property
    def _file(self) -> Path:
        return self.root / f"{self.name}.json"

    def add(self, **facts: object) -> None:
        """Add facts to its result, which its file then holds whatever happens next."""
        write_facts(self._file, {**read_facts(self._file), **facts})

    def result(self) -> dict[str, object]:
        """All facts so far, those of its training included."""
        trained = [read_facts(path) for path in self.root.glob(f"{self.name}/*/{SPEED}")]
        return {key: value for facts in [read_facts(self._file), *trained] for key, value in facts.items()}


def run_stage(work: Callable[[Job], None], job: Job) -> dict[str, object]:
    """Do the work of a stage; its facts, with its seconds and, if it failed, its error.

    Args:
        work: of the stage; picklable.
        job: what it works with.
    """
    started = time.monotonic()
    child = get_context("spawn").Process(target=_do, args=(work, job))
    with without_interrupts():
        child.start()
    try:
        child.join(job.limit_s)
        status = child.exitcode
    finally:
        _end(child)
    facts = job.result() | {"seconds": round(time.monotonic() - started, 1)}
    if status is None:
        facts["error"] = f"not done after {job.limit_s:.0f} s"
    elif status:
        facts.setdefault("error", f"its process ended with status {status}")
    if "error" in facts:
        print_text("\n".join([f"{job.name}: the end of its output:", *_last_lines(job.log)]), file=sys.stderr)
    return facts


def _do(work: Callable[[Job], None], job: Job) -> None:
    """Do the work in this process, with its output in a file."""
    os.setsid()  # so that all that it starts can be ended with it
    with job.log.open("w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    try:
        work(job)
    except Exception as error:
        traceback.print_exc()
        job.add(error=f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")
        raise SystemExit(1) from None


def _end(child: BaseProcess) -> None:
    """End a process, and all that it started and left behind."""
    assert child.pid is not None
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has no session of its own yet, or nothing is left of it
        child.kill()
    child.join()


def _last_lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-KEPT_LINES:] if log.is_file() else []


def write_facts(path: Path, facts: Mapping[str, object]) -> None:
    """Write facts to a file that a reader never sees half written."""
    with atomic_write(path, durable=False) as written:
        written.write_text(json.dumps(facts), encoding="utf-8")


def read_facts(path: Path) -> dict[str, object]:
    """The facts of a file; none if there is no file."""
    facts: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return facts
