"""What a sweep on Slurm submits and waits for, with programs that answer as Slurm does, or without any."""

import errno
import os
import re
import signal
from pathlib import Path

import pytest

from mammo.cli.commands import stop
from mammo.training import slurm_queue, slurm_watch, sweep_callback
from mammo.training.slurm_launcher import _uninterrupted
from mammo.training.slurm_queue import RECORD
from mammo.training.sweep_state import Sweep
from tests.training.test_slurm_queue import program, programs  # noqa: F401  (programs is a fixture)
from tests.training.test_sweep_state import root, run_sweep  # noqa: F401  (root is a fixture)

SWEEP = ("--multirun", "maps=[loc]", "seed=0,1")
SLURM = "hydra/launcher=slurm"


def test_only_what_is_done_needs_no_slurm(
    root: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_sweep(root, monkeypatch, *SWEEP) == 0
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_sweep(root, monkeypatch, *SWEEP, SLURM) == 0
    assert "0 submitted to Slurm, 0 in its queue already, 2 done" in capsys.readouterr().err
    assert run_sweep(root, monkeypatch, *SWEEP, SLURM, "windows_per_lesion.val=3") == 2
    assert "this machine has no sbatch" in capsys.readouterr().err


def test_a_run_with_a_changed_file_is_not_done_even_if_its_size_and_time_are_the_same(
    root: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_sweep(root, monkeypatch, *SWEEP) == 0
    damaged = min(root.glob("runs/*/best.ckpt"))
    stamp = damaged.stat()
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    os.utime(damaged, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_sweep(root, monkeypatch, *SWEEP, SLURM) == 2
    assert "this machine has no sbatch" in capsys.readouterr().err


@pytest.fixture
def slurm(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A Slurm that gives job 77, whose name is in the file `name` of this folder; `listed` is what squeue lists."""
    script = f"sed -n 's/#SBATCH --job-name=//p' $1 >{programs}/name; echo x >>{programs}/submitted"
    program(programs, "sbatch", f"{script}; echo Submitted batch job 77")
    program(programs, "squeue", f"cat {programs}/listed")
    program(programs, "scancel", f"echo $* >>{programs}/cancelled")
    for name in ("srun", "sacct", "scontrol"):
        program(programs, name, "exit 1")
    (programs / "listed").touch()
    monkeypatch.setattr(slurm_queue, "QUEUE_EVERY_S", 0.0)
    monkeypatch.setattr(sweep_callback, "POLL_S", 0.001)
    monkeypatch.setattr(slurm_watch, "POLL_S", 0.01)
    monkeypatch.setattr(slurm_watch, "GRACE_S", 0.02)
    return programs


def n_submitted(slurm: Path) -> int:
    """How often sbatch was called."""
    path = slurm / "submitted"
    return len(path.read_text().split()) if path.exists() else 0


ONE = ("--multirun", "maps=[loc]", "seed=0", SLURM)


def test_a_strangers_job_of_the_same_number_is_neither_ours_nor_waited_for(
    root: Path,  # noqa: F811
    slurm: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_sweep(root, monkeypatch, *ONE) == 1
    err = capsys.readouterr().err
    assert err.count("lost: job 0 (as configured): Slurm job 77 ended without a result") == 1
    assert err.index("1 submitted to Slurm (77)") < err.index("0 of 1 jobs done"), "no count before the submission"
    (sweep,) = Sweep.below(root)
    recorded = sweep.recorded(0)
    assert recorded is not None
    name = (slurm / "name").read_text().strip()
    assert recorded[0] == ("77", name.removeprefix("train-"))
    (slurm / "listed").write_text(f"77|RUNNING|None|{name}\n")
    assert [job.state for job in sweep.state()] == ["running"]
    (slurm / "listed").write_text("77|RUNNING|None|train-0a1b2c3d\n")
    assert [job.state for job in sweep.state()] == ["lost"]
    assert run_sweep(root, monkeypatch, *ONE) == 1
    assert n_submitted(slurm) == 2
    assert "1 submitted to Slurm (77), 0 in its queue already" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", '{"id": 5}', "[]"])
def test_a_job_with_a_damaged_record_is_not_submitted_again(
    root: Path,  # noqa: F811
    slurm: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
) -> None:
    assert run_sweep(root, monkeypatch, *ONE) == 1
    (record,) = root.glob(f"sweeps/*/0/{RECORD}")
    record.write_text(content)
    capsys.readouterr()
    assert run_sweep(root, monkeypatch, *ONE) == 2
    assert f"error: {record} does not say which Slurm job job 0 was submitted as" in capsys.readouterr().err
    assert n_submitted(slurm) == 1
    record.unlink()
    assert run_sweep(root, monkeypatch, *ONE) == 1
    assert n_submitted(slurm) == 2


def test_a_job_that_may_be_in_a_silent_queue_is_not_submitted_again(
    root: Path,  # noqa: F811
    slurm: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_sweep(root, monkeypatch, *ONE) == 1
    program(
        slurm, "squeue", f"[ -f {slurm}/asked ] && exit 0; touch {slurm}/asked; exit 1"
    )  # it answers a moment later
    assert run_sweep(root, monkeypatch, *ONE) == 2
    assert "squeue does not answer" in capsys.readouterr().err
    assert n_submitted(slurm) == 1


def test_a_job_that_cannot_be_recorded_is_named_with_what_cancels_it(
    root: Path,  # noqa: F811
    slurm: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def away(sweep: Sweep, *_: object) -> None:
        name = (slurm / "name").read_text().strip()
        (slurm / "listed").write_text(f"77|PENDING|Resources|{name}\n78|PENDING|Resources|train-0a1b2c3d\n")
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(sweep.folder))

    monkeypatch.setattr(Sweep, "record", away)
    assert run_sweep(root, monkeypatch, *ONE) == 2
    err = capsys.readouterr().err
    assert "error: " in err
    assert re.search(r"sweeps/\S+ cannot be used \(No such file.*; 1 Slurm jobs go on, .* scancel 77$", err.strip())


def test_a_signal_between_sbatch_and_its_record_waits_for_the_record() -> None:
    before = signal.signal(signal.SIGTERM, stop)
    done = []

    def submit() -> None:
        with _uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("recorded")

    try:
        with pytest.raises(SystemExit) as end:
            submit()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (done, end.value.code) == (["recorded"], 143)
