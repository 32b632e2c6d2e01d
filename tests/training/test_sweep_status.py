"""The output of a job of a sweep is found by any of its names."""

import json
from pathlib import Path

import pytest

from mammo.sweep import main as sweep_command
from mammo.training.slurm_queue import log_files, write_record
from mammo.training.sweep_state import _digest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a sweep of three jobs, of which job 2 was a Slurm job, and another sweep of one job."""
    for name, jobs in (("first-1", ["seed=0", "seed=1", "seed=2"]), ("second-2", ["seed=5"])):
        folder = tmp_path / "sweeps" / name
        folder.mkdir(parents=True)
        (folder / "jobs.json").write_text(json.dumps({"jobs": jobs, "sha256": _digest(jobs)}))
    folder = tmp_path / "sweeps" / "first-1"
    write_record(folder / "2", "1234_2", ["seed=2"])
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
