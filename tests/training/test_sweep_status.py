"""The output of a job of a sweep is found by any of its names."""

import json
from pathlib import Path

import pytest

from mammo.sweep import main as sweep_command
from mammo.training.slurm_queue import QUEUE, RECORD, SlurmJob, log_files, write_record
from mammo.training.sweep_state import _digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a sweep of three jobs, of which job 2 was a Slurm job, and another sweep of one job."""
    for name, jobs in (("first-1", ["seed=0", "seed=1", "seed=2"]), ("second-2", ["seed=5"])):
        folder = tmp_path / "sweeps" / name
        folder.mkdir(parents=True)
        (folder / "jobs.json").write_text(json.dumps({"jobs": jobs, "sha256": _digest(jobs)}))
    folder = tmp_path / "sweeps" / "first-1"
    write_record(folder / "2", SlurmJob("1234_2", "1a2b3c4d"), ["seed=2"])
    (folder / "2" / "error.txt").write_text("no such file")
    out, error = log_files(folder, "1234_2")
    out.parent.mkdir(parents=True)
    out.write_text("".join(f"line {number}\n" for number in range(100)))
    error.write_text("a warning \x1b[31m\n")
    return tmp_path


@pytest.mark.parametrize("name", ["2", "first-1/2", "1234_2"])
def test_the_end_of_both_files_is_printed(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep_command(["logs", name, str(root), "--lines", "3"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "job 2 of first-1 (seed=2): failed, Slurm job 1234_2"
    assert "why: no such file" in printed
    out, error = log_files(root / "sweeps" / "first-1", "1234_2")
    start = printed.index(f"--- {out}")
    assert printed[start + 1 :] == ["line 97", "line 98", "line 99", f"--- {error}", "a warning \\x1b[31m"]


def test_a_job_that_ran_without_slurm_has_its_traceback(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "sweeps" / "first-1" / "1"
    folder.mkdir()
    (folder / "traceback.txt").write_text("ValueError: division by zero\n")
    assert sweep_command(["logs", "1", str(root)]) == 0
    printed = capsys.readouterr().out
    assert "without Slurm, so that its output stands in the sweep's own" in printed
    assert "ValueError: division by zero" in printed


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("7", "7 is not a job of a sweep of this root: give its number"),
        ("0", "0 is a job of 2 sweeps: name one of first-1/0, second-2/0"),
    ],
)
def test_an_unknown_or_ambiguous_name_is_an_error(
    root: Path, name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep_command(["logs", name, str(root)]) == 2
    assert message in capsys.readouterr().err


def test_a_submitted_job_is_unknown_where_slurm_cannot_be_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(QUEUE, "asked", float("-inf"))
    (root / "sweeps" / "first-1" / "2" / "error.txt").unlink()
    assert sweep_command(["status", str(root)]) == 1
    printed = capsys.readouterr().out
    assert "squeue is not on this machine" in printed
    assert "0 done, 0 running, 0 failed, 1 unknown, 2 missing" in printed
    assert sweep_command(["logs", "1234_2", str(root)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(
        "job 2 of first-1 (seed=2): unknown, Slurm job 1234_2\nwhy: squeue is not on this machine\n"
    )


def test_a_job_with_a_damaged_record_is_unknown(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = root / "sweeps" / "first-1" / "1" / RECORD
    record.parent.mkdir()
    record.write_text("[]")
    assert sweep_command(["logs", "1", str(root)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"job 1 of first-1 (seed=1): unknown, Slurm job not known\nwhy: {record} does not say")
    (record.parent / "done").touch()
    assert sweep_command(["logs", "1", str(root)]) == 0
    assert "done, without Slurm" in capsys.readouterr().out


@pytest.mark.parametrize("content", ['{"jobs": 3}', '{"jobs": ["se'])
def test_a_damaged_sweep_hides_no_other(root: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    path = root / "sweeps" / "first-1" / "jobs.json"
    path.write_text(content)
    for words in (["status"], ["logs", "second-2/0"]):
        assert sweep_command([*words, str(root)]) == 2
        printed = capsys.readouterr()
        assert printed.err == f"error: {path} is not a list of jobs: run the sweep's command again to rewrite it\n"
        assert "second-2" in printed.out


def test_a_done_job_without_a_run_has_no_auc(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "sweeps" / "second-2" / "0"
    folder.mkdir()
    (folder / "done").touch()
    sweep_command(["status", str(root)])
    assert "undefined" not in capsys.readouterr().out
