"""Stages run once, side by side within, in order; a command that fails stops the job in one sentence."""

import time
from pathlib import Path

import pytest

from mammo.records import MammoError
from mammo.runs.stages import Stage, run_stages


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose package mammo has trivial commands; what they do is written to `log`."""
    package = tmp_path / "mammo"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "note.py").write_text(
        "import os, sys\nprint('noted', *sys.argv[1:])\n"
        "open('log', 'a').write(' '.join(sys.argv[1:]) + ' ' + os.environ['OMP_NUM_THREADS'] + '\\n')\n"
    )
    (package / "fail.py").write_text("import sys\nprint('error: no flour', file=sys.stderr)\nsys.exit(2)\n")
    (package / "wait.py").write_text("import time\ntime.sleep(60)\n")
    (package / "meet.py").write_text(
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
    stages = [stage("flour", "note a=1"), stage("dough", "note b=2")]
    assert run_stages(stages, work / "root")
    assert log(work) == ["a=1 1", "b=2 1"]
    told = capsys.readouterr().out
    assert "== stage 2 of 2: dough (50% done, about" in told
    assert "] noted a=1" in told
    assert not run_stages(stages, work / "root")
    assert log(work) == ["a=1 1", "b=2 1"]


def test_a_changed_stage_runs_again_alone(work: Path) -> None:
    run_stages([stage("flour", "note a=1"), stage("dough", "note b=2")], work)
    assert run_stages([stage("flour", "note a=1"), stage("dough", "note b=3")], work)
    assert log(work) == ["a=1 1", "b=2 1", "b=3 1"]


def test_commands_of_a_stage_run_side_by_side(work: Path) -> None:
    assert run_stages([stage("pair", "meet one two", "meet two one")], work)


def test_a_failing_command_stops_the_job(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [stage("flour", "note a=1"), stage("dough", "fail now"), stage("bread", "note c=3")]
    with pytest.raises(MammoError, match=r"stage 'dough' stopped: python -m mammo\.fail now failed, see above"):
        run_stages(stages, work)
    assert "error: no flour" in capsys.readouterr().out
    assert log(work) == ["a=1 1"]
    with pytest.raises(MammoError):
        run_stages(stages, work)
    assert log(work) == ["a=1 1"]  # what was finished is not run again


def test_a_failing_command_stops_its_neighbours(work: Path) -> None:
    with pytest.raises(MammoError, match=r"mammo\.fail"):
        run_stages([stage("dough", "fail now", "wait")], work)


def test_a_failure_is_noticed_in_any_order(work: Path) -> None:
    started = time.monotonic()
    with pytest.raises(MammoError, match=r"mammo\.fail now"):
        run_stages([stage("dough", "wait", "fail now")], work)
    assert time.monotonic() - started < 30
