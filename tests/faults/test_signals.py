"""SIGTERM and Ctrl-C end every command with the documented status, and the same command then completes."""

import os
import signal
import time

import pytest

from mammo.cli.commands import INTERRUPTED, TERMINATED
from tests.faults.cases import check_cases
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import launch
from tests.faults.trees import Roots

STATUSES = {signal.SIGTERM: TERMINATED, signal.SIGINT: INTERRUPTED}
MOMENTS = {"early": 0.15, "middle": 0.5, "late": 0.85}
"""Shares of the time that the undisturbed command takes."""


def check_signal(roots: Roots, line: CommandLine, signum: signal.Signals, share: float) -> None:
    seconds = roots.undisturbed(line)[1].seconds
    root = roots.fresh(line)
    process = launch(line.words(root), root)
    time.sleep(share * seconds)
    if signum == signal.SIGINT:
        os.killpg(process.pid, signum)  # as a terminal does
    else:
        os.kill(process.pid, signum)
    end = process.wait()
    assert "Traceback" not in end.out + end.err, (end.out + end.err)[-1500:]
    assert end.status in (STATUSES[signum], *line.statuses), f"status {end.status}: {end.err[-700:]}"
    roots.check_rerun(line)


@pytest.mark.faults
def test_a_signal_ends_a_command_with_its_status_and_loses_nothing(roots: Roots) -> None:
    cases = {
        f"{line.name} {signum.name} {moment}": (line, signum, share)
        for line in COMMAND_LINES
        for signum in STATUSES
        for moment, share in MOMENTS.items()
    }
    check_cases("signals", cases, lambda case: check_signal(roots, *case), 16)
