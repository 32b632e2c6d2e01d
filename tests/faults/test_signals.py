"""SIGTERM and Ctrl-C end every command with its documented status, lose nothing, and the same command completes."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest

from mammo.cli.commands import ENDINGS
from tests.faults.cases import check_cases
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import Ended, Launched, launch
from tests.faults.trees import Roots, tree

STATUSES = {signal.SIGTERM: 143, signal.SIGINT: 130}
MOMENTS = {"early": 0.15, "middle": 0.5, "late": 0.85}
"""Shares of the time that the undisturbed command takes."""

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NEVER = 0

RESUMABLE = "interrupted; the same command goes on from here"
"""The end of what a training says once its state is saved."""


@dataclass(frozen=True)
class Case:
    """A command that a signal ends.

    Attributes:
        line: the command.
        signum: SIGTERM goes to its process, and Ctrl-C to all of its processes, as from a terminal.
        share: of the time that it takes, when the signal comes; None: at one of its changes below the root.
        name: of the case, from which that change is drawn.
    """

    line: CommandLine
    signum: signal.Signals
    share: float | None
    name: str


def all_cases() -> dict[str, Case]:
    cases = {}
    for line in COMMAND_LINES:
        for signum in STATUSES:
            for moment, share in (MOMENTS | ({"writing": None} if line.writes else {})).items():
                name = f"{line.name} {signum.name} {moment}"
                cases[name] = Case(line, signum, share, name)
    return cases


def send(pid: int, signum: int) -> None:
    """Send SIGTERM to a process, as kill does, or Ctrl-C to its group, as a terminal does."""
    os.killpg(pid, signum) if signum == signal.SIGINT else os.kill(pid, signum)


def count_changes(root: Path, log: Path, at: int, signum: int) -> None:
    """Log this process's changes of files below a root, one byte for each, and send it a signal at one of them."""
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    below, seen = f"{root}/", 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        writes = event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
        if (writes or event in CHANGES) and str(arguments[0]).startswith(below):
            seen += 1
            os.write(opened, b".")
            if seen == at:
                send(os.getpid(), signum)

    sys.addaudithook(hook)


def wait_for_handler(pid: int) -> None:
    """Wait until a process handles SIGTERM, as a command does from its first lines on, or has ended."""
    while True:
        facts = dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        if facts["State"].startswith("Z") or int(facts["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)


class Signals:
    """Checks of cases.

    Args:
        roots: where the commands run.
    """

    def __init__(self, roots: Roots) -> None:
        self.roots, self.log = roots, roots.root.with_name("changes")
        self.n_changes = cache(self._n_changes)

    def check(self, case: Case) -> None:
        """Run a command that a signal ends, and run it again; AssertionError if something is lost or differs."""
        undisturbed, end = self.roots.undisturbed(case.line)
        change = case.share is None and random.Random(case.name).randint(1, self.n_changes(case.line))
        root = self.roots.fresh(case.line)
        before = tree(root)
        if change:
            process = self._launch(case.line, partial(count_changes, root, self.log, change, case.signum))
        else:
            process = self._launch(case.line)
            time.sleep((case.share or 0) * end.seconds)
            wait_for_handler(process.pid)
            send(process.pid, case.signum)
        check_end(process.wait(), case)
        after = tree(root)
        lost = [name for name in before if after.get(name) not in (before[name], undisturbed.get(name))]
        assert not lost, f"after the signal: neither as before nor as after the command: {lost[:8]}"
        self.roots.check_rerun(case.line)

    def _launch(self, line: CommandLine, before: Callable[[], object] = lambda: None) -> Launched:
        return launch(line.words(self.roots.root), self.roots.root, before)

    def _n_changes(self, line: CommandLine) -> int:
        """The number of changes of an undisturbed run, at least 1; those of its child processes do not count."""
        root = self.roots.fresh(line)
        end = self._launch(line, partial(count_changes, root, self.log, NEVER, 0)).wait()
        assert end.status in line.statuses, end.err
        return max(1, self.log.stat().st_size)


def check_end(end: Ended, case: Case) -> None:
    """Check the status of a command and what it says; it may have ended before the signal."""
    printed = end.out + end.err
    assert "Traceback" not in printed, printed[-2500:]
    said = [line for line in printed.splitlines() if line == ENDINGS[case.signum] or line.endswith(RESUMABLE)]
    if end.status in case.line.statuses:
        assert not said, printed[-1000:]
    else:
        assert end.status == STATUSES[case.signum], f"status {end.status}: {printed[-1000:]}"
        assert len(said) == 1, printed[-1000:]


@pytest.mark.faults
def test_a_signal_ends_a_command_with_its_status_and_loses_nothing(roots: Roots) -> None:
    check_cases("signals", all_cases(), Signals(roots).check, 8)
