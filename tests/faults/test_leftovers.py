"""What killed commands leave behind, in the root and among the temporary files, the next run of the same removes."""

import os
import random
import signal
import time

import pytest

from tests.faults.cases import check_cases
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import launch
from tests.faults.trees import Roots

N_KILLS = 3
"""Kills of each command, one run after the other."""


def check_kills(roots: Roots, line: CommandLine) -> None:
    """Kill a command with all of its processes, at random moments of its undisturbed time, then let it run."""
    seconds, moments = roots.undisturbed(line)[1].seconds, random.Random(line.name)
    root = roots.fresh(line)
    for _ in range(N_KILLS):
        process = launch(line.words(root), root)
        time.sleep(moments.uniform(0.05, 1) * seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    roots.check_rerun(line)


@pytest.mark.faults
def test_the_next_run_removes_what_kills_left(roots: Roots) -> None:
    cases = {line.name: line for line in COMMAND_LINES if line.writes}
    check_cases("leftovers", cases, lambda line: check_kills(roots, line), 2)
