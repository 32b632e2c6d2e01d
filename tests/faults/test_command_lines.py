"""The small command lines of the tests of faults are those of all commands, and each ends as it says."""

from pathlib import Path

import pytest

from mammo.cli.commands import COMMANDS
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import launch


def test_every_command_has_a_line() -> None:
    assert {line.line[0] for line in COMMAND_LINES} == set(COMMANDS) - {"serve"}  # it runs until it is ended


@pytest.mark.faults
@pytest.mark.parametrize("line", COMMAND_LINES, ids=lambda line: line.name)
def test_an_undisturbed_command_writes_what_it_names(line: CommandLine, full_root: Path, tmp_path: Path) -> None:
    root = line.start(full_root, tmp_path / "root")
    before = {path for path in root.rglob("*") if path.is_file()}
    end = launch(line.words(root), root).wait()
    assert end.status in line.statuses, end.err
    assert "Traceback" not in end.err
    new = {path for path in root.rglob("*") if path.is_file()} - before
    outputs = line.outputs(root)
    assert all(any(path.is_relative_to(output) for output in outputs) for path in new if path.name != ".report.lock")
    assert bool(outputs) == bool(line.writes)
