"""What a sweep on Slurm submits, without a Slurm: nothing where all is done, and one sentence where it cannot."""

import os
import signal
from pathlib import Path

import pytest

from mammo.cli.commands import stop
from mammo.training.slurm_launcher import _uninterrupted
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
