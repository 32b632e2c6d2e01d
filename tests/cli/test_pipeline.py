"""Stages run once and in order, their commands in parallel; a failing command stops the pipeline with one sentence."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mammo.cli.pipeline import ENVIRONMENT, Stage, run_pipeline
from mammo.records import MammoError


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of trivial commands that write what they do to `log`."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)  # run_pipeline sets them: restored after the test
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "note_it.py").write_text(
        "import os, sys\nprint('noted', *sys.argv[1:])\n"
        "open('log', 'a').write(' '.join(sys.argv[1:]) + ' ' + os.environ['OMP_NUM_THREADS'] + '\\n')\n"
    )
    (tmp_path / "fail_it.py").write_text("import sys\nprint('error: disk full', file=sys.stderr)\nsys.exit(2)\n")
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
    stages = [stage("draw", "note_it a=1"), stage("train", "note_it b=2")]
    assert run_pipeline(stages, work / "root")
    assert log(work) == ["a=1 1", "b=2 1"]
    printed = capsys.readouterr().out
    assert "== stage 2 of 2: train (50% done, about" in printed
    assert "] noted a=1" in printed
    assert not run_pipeline(stages, work / "root")
    assert log(work) == ["a=1 1", "b=2 1"]


def test_only_a_changed_stage_runs_again(work: Path) -> None:
    run_pipeline([stage("draw", "note_it a=1"), stage("train", "note_it b=2")], work)
    assert run_pipeline([stage("draw", "note_it a=1"), stage("train", "note_it b=3")], work)
    assert log(work) == ["a=1 1", "b=2 1", "b=3 1"]


def test_an_argument_in_quotes_is_one_word(work: Path) -> None:
    assert run_pipeline([stage("draw", "note_it 'root=a b' c")], work)
    assert log(work) == ["root=a b c 1"]


def test_commands_of_a_stage_run_in_parallel(work: Path) -> None:
    assert run_pipeline([stage("pair", "meet_it one two", "meet_it two one")], work)


def test_a_failing_command_stops_the_pipeline(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [stage("draw", "note_it a=1"), stage("train", "fail_it now"), stage("report", "note_it c=3")]
    with pytest.raises(MammoError, match=r"stage 'train' stopped: python -m fail_it now failed, see above"):
        run_pipeline(stages, work)
    assert "error: disk full" in capsys.readouterr().out
    assert log(work) == ["a=1 1"]
    with pytest.raises(MammoError):
        run_pipeline(stages, work)
    assert log(work) == ["a=1 1"]  # finished stages are not run again


def test_a_failing_command_stops_those_in_parallel(work: Path) -> None:
    with pytest.raises(MammoError, match=r"fail_it"):
        run_pipeline([stage("train", "fail_it now", "wait_it")], work)


def test_a_failure_is_noticed_in_any_order(work: Path) -> None:
    started = time.monotonic()
    with pytest.raises(MammoError, match=r"fail_it now"):
        run_pipeline([stage("train", "wait_it", "fail_it now")], work)
    assert time.monotonic() - started < 30


def test_a_server_of_processes_that_has_ended_is_one_sentence(work: Path) -> None:
    """In a program of its own: a process has one such server."""
    (work / "ends.py").write_text("import os\nos._exit(1)\n")
    program = (
        "from pathlib import Path\n"
        "from mammo.cli.pipeline import Stage, run_pipeline\n"
        "run_pipeline([Stage('draw', 1.0, ('step a',))], Path('runs'), ['ends'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=work, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith(
        "mammo.records.MammoError: no process can be started for python -m step a: check that the disk"
    )
