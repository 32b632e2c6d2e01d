"""Stages run once, side by side within, in order; a command that fails stops the job in one sentence."""

import time
from pathlib import Path

import pytest

from mammo.cli.pipeline import ENVIRONMENT, Stage, run_pipeline
from mammo.records import MammoError


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with modules that are trivial commands; what they do is written to `log`."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)  # run_stages sets them: this takes them back afterwards
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "note_it.py").write_text(
        "import os, sys\nprint('noted', *sys.argv[1:])\n"
        "open('log', 'a').write(' '.join(sys.argv[1:]) + ' ' + os.environ['OMP_NUM_THREADS'] + '\\n')\n"
    )
    (tmp_path / "fail_it.py").write_text("import sys\nprint('error: no flour', file=sys.stderr)\nsys.exit(2)\n")
    (tmp_path / "wait_it.py").write_text("import time\ntime.sleep(60)\n")
    (tmp_path / "meet_it.py").write_text(
        "import pathlib, sys, time\nme, other = sys.argv[1:]\npathlib.Path(me).touch()\n"
        "end = time.monotonic() + 20\n"
        "while not pathlib.Path(other).exists():\n"
        "    time.sleep(0.01)\n"
        "    assert time.monotonic() < end\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stage(name: str, *commands: str) -> Stage:
    return Stage(name, 1.0, commands)


def log(work: Path) -> list[str]:
    return (work / "log").read_text().splitlines() if (work / "log").exists() else []


def test_stages_run_in_order_and_once(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [stage("flour", "note_it a=1"), stage("dough", "note_it b=2")]
    assert run_pipeline(stages, work / "root")
    assert log(work) == ["a=1 1", "b=2 1"]
    told = capsys.readouterr().out
    assert "== stage 2 of 2: dough (50% done, about" in told
    assert "] noted a=1" in told
    assert not run_pipeline(stages, work / "root")
    assert log(work) == ["a=1 1", "b=2 1"]


def test_a_changed_stage_runs_again_alone(work: Path) -> None:
    run_pipeline([stage("flour", "note_it a=1"), stage("dough", "note_it b=2")], work)
    assert run_pipeline([stage("flour", "note_it a=1"), stage("dough", "note_it b=3")], work)
    assert log(work) == ["a=1 1", "b=2 1", "b=3 1"]


def test_commands_of_a_stage_run_side_by_side(work: Path) -> None:
    assert run_pipeline([stage("pair", "meet_it one two", "meet_it two one")], work)


def test_a_failing_command_stops_the_job(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [stage("flour", "note_it a=1"), stage("dough", "fail_it now"), stage("bread", "note_it c=3")]
    with pytest.raises(MammoError, match=r"stage 'dough' stopped: python -m fail_it now failed, see above"):
        run_pipeline(stages, work)
    assert "error: no flour" in capsys.readouterr().out
    assert log(work) == ["a=1 1"]
    with pytest.raises(MammoError):
        run_pipeline(stages, work)
    assert log(work) == ["a=1 1"]  # what was finished is not run again


def test_a_failing_command_stops_its_neighbours(work: Path) -> None:
    with pytest.raises(MammoError, match=r"fail_it"):
        run_pipeline([stage("dough", "fail_it now", "wait_it")], work)


def test_a_failure_is_noticed_in_any_order(work: Path) -> None:
    started = time.monotonic()
    with pytest.raises(MammoError, match=r"fail_it now"):
        run_pipeline([stage("dough", "wait_it", "fail_it now")], work)
    assert time.monotonic() - started < 30
