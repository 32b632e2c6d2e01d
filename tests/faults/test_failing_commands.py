"""Every command fails on inputs of canaries, and no file that it leaves holds one."""

import shutil
import time
from pathlib import Path

import pytest

from mammo.cli.commands import COMMANDS
from tests.faults.canaries import HEADER, unexpected_hits
from tests.faults.cases import check_cases
from tests.faults.command_lines import CommandLine
from tests.faults.failing_commands import FAILING, filled, make_inputs
from tests.faults.planted import Planted, run_words, written_in

N_SAMPLED = 20
"""Commands that fail where FULL=1 does not ask for all of them."""


def test_each_command_fails_in_some_way() -> None:
    assert {line.line[0] for line in FAILING} == {*COMMANDS}


@pytest.mark.faults
def test_a_command_that_fails_on_canaries_writes_none(planted: Planted, tmp_path: Path) -> None:
    root, inputs = shutil.copytree(planted.root, tmp_path / "root"), make_inputs(planted, tmp_path)

    def check(line: CommandLine) -> None:
        shutil.rmtree(root / "new", ignore_errors=True)
        started = time.time_ns()
        end = run_words(filled(line, root, inputs), root)
        assert end.status in line.statuses, end
        assert "Traceback" not in end.err, end.err
        assert HEADER not in end.out + end.err, end
        for folder in written_in(root):
            assert unexpected_hits(folder, since_ns=started) == []

    check_cases("canaries of failing commands", {line.name: line for line in FAILING}, check, N_SAMPLED)
