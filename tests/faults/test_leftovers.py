"""What a killed command leaves behind is removed by the next run of the same command."""

import os
import random
import signal
import time

import pytest

from tests.faults.cases import check_cases
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import launch
from tests.faults.trees import Roots

KILLED = ("ingest", "train context", "train floc", "train fagg", "score", "report", "ingest overwrite")
N_KILLS = 10
"""Kills of each command."""


def check_kill(roots: Roots, line: CommandLine, number: int) -> None:
    seconds = roots.undisturbed(line)[1].seconds
    root = roots.fresh(line)
    process = launch(line.words(root), root)
    time.sleep(random.Random(f"{line.name} {number}").uniform(0.05, 1) * seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    roots.check_rerun(line)


@pytest.mark.faults
def test_the_next_run_removes_what_a_kill_left(roots: Roots) -> None:
    lines = {line.name: line for line in COMMAND_LINES}
    cases = {f"{name} {number}": (lines[name], number) for name in KILLED for number in range(N_KILLS)}
    check_cases("leftovers", cases, lambda case: check_kill(roots, *case), 10)
