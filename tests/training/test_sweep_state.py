"""Sweeps through the real command: finished jobs are not run twice, failed ones are reported and run again."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import open_dict, read_write

from mammo.cli.hydra_app import composed
from mammo.io import file_lock
from mammo.paper import FIGURE_6_BACKBONES
from mammo.sweep import main as sweep_command
from mammo.train import main as train_command
from mammo.training import fit, train_config
from mammo.training.sweep_state import Sweep
from tests.quick_training import QUICK

HERE = Path(__file__).resolve().parents[2]
WORDS = (
    *QUICK,
    "windows_per_lesion={val: 2, test: 2}",
    "window_epochs=1",
    "batch_size=10",
)
GRID = ("--multirun", "maps=[loc],[emb]", "seed=0,1")


@pytest.fixture
def root(small_root: Path, tmp_path: Path) -> Path:
    """A root with a store and no run."""
    shutil.copytree(small_root / "store", tmp_path / "store")
    return tmp_path


def run_sweep(root: Path, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> int:
    """Run python -m mammo.train in this process; return its exit status."""
    monkeypatch.setattr("sys.argv", ["train", *overrides, *WORDS, f"root={root}"])
    try:
        train_command()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0


def states(root: Path) -> list[str]:
    (sweep,) = Sweep.below(root)
    return [job.state for job in sweep.state()]


def finished(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.glob("*/*/result.json")}


def test_failed_jobs_are_reported_and_run_again_and_finished_ones_are_not(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sweep(root, monkeypatch, *GRID) == 1
    assert states(root) == ["done", "done", "failed", "failed"]
    errors = capsys.readouterr().err
    for number, overrides in ((2, "maps=[emb] seed=0"), (3, "maps=[emb] seed=1")):
        assert f"failed: job {number} ({overrides}): no finished run of floc" in errors
    assert sweep_command(["status", str(root)]) == 1
    printed = capsys.readouterr().out
    assert "2 done, 0 running, 2 failed, 0 missing" in printed
    assert re.search(r"best so far: maps=\[loc\] seed=\d, val AUC 0\.\d{3}, .*fagg-loc-s\d", printed)

    first = finished(root)
    assert run_sweep(root, monkeypatch, "model=floc", "backbone=small") == 0
    assert run_sweep(root, monkeypatch, *GRID) == 0
    assert states(root) == ["done"] * 4
    assert first.items() <= finished(root).items()
    assert len(list(root.glob("runs/floc-*/embeddings/*.npz"))) == 3, "h is computed once for both seeds"
    assert sweep_command(["status", str(root)]) == 0


def test_a_finished_job_is_recognized_by_its_intact_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("--multirun", "maps=[loc]", "seed=0,1,2")
    assert run_sweep(root, monkeypatch, *command) == 0
    before = finished(root)
    scores = {path: path.with_name("lesions.parquet").read_bytes() for path in before}
    damaged, truncated, deleted = sorted(path.parent for path in before)
    (damaged / "lesions.parquet").write_bytes(b"no table")
    os.truncate(truncated / "best.ckpt", 1000)
    (deleted / "result.json").write_text("{half")
    assert states(root) == ["missing"] * 3
    assert sweep_command(["status", str(root)]) == 1
    assert run_sweep(root, monkeypatch, *command) == 0
    after = finished(root)
    assert all(after[path] > before[path] for path in before)
    assert states(root) == ["done"] * 3
    assert {path: path.with_name("lesions.parquet").read_bytes() for path in after} == scores
    (deleted / "best.ckpt").unlink()
    assert sorted(states(root)) == ["done", "done", "missing"]


def test_every_run_records_its_origin(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_sweep(root, monkeypatch, "experiment=lr_search", "maps=[loc]", "trial=1") == 0
    (run,) = root.glob("runs/fagg-loc-s0-t1-*")
    origin = json.loads((run / "origin.json").read_text())
    result = json.loads((run / "result.json").read_text())
    assert {key: value for key, value in origin.items() if key != "seal"}.items() <= result.items()
    assert {"torch", "mammo"} <= set(origin["versions"])
    assert len(origin["read_digests"]["store"]) == 64
    tables = {path.name for path in run.glob("*.parquet")}
    assert tables == {"lesions.parquet", "lesions-val.parquet", "windows.parquet", "windows-val.parquet"}
    assert set(result["files"]) == {"best.ckpt", "config.yaml", *tables}
    assert f"lr: {result['lr']}" in (run / "config.yaml").read_text()
    assert "${" not in (run / "config.yaml").read_text()


def test_a_job_that_another_process_runs_is_running(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_sweep(root, monkeypatch, "--multirun", "maps=[loc]", "seed=0") == 0
    (result,) = root.glob("runs/*/result.json")
    result.unlink()
    with file_lock(result.parent / "lock", "a test"):
        assert states(root) == ["running"]
    assert states(root) == ["missing"]


def test_several_devices_in_a_sweep_are_rejected(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sweep(root, monkeypatch, "--multirun", "maps=[loc]", "seed=0,1", "trainer.devices=2") == 1
    assert "trainer.devices=2 in a sweep: give every job one device" in capsys.readouterr().err


def test_jobs_that_the_sweeper_draws_are_listed_once_started(tmp_path: Path) -> None:
    drawn = "model.lr=interval(1e-6,1e-4)"
    cfg = composed("train", [f"root={tmp_path}"], hydra_too=True)
    with read_write(cfg), open_dict(cfg):
        cfg.hydra.overrides.task, cfg.hydra.job.name = [drawn, "seed=0,1"], "train"
    sweep = Sweep.of(cfg)
    assert sweep.state() == []
    for number, record in enumerate(("done", "error.txt")):
        (sweep.folder / str(number)).mkdir()
        (sweep.folder / str(number) / record).write_text("division by zero")
    assert [job.state for job in sweep.state()] == ["done", "failed"]


def test_a_root_without_sweeps_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep_command(["status", str(tmp_path)]) == 2
    assert f"no sweep below {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{half", "7", "", '["seed=0"]', '{"jobs": ["seed=1"], "sha256": "0"}'])
def test_a_damaged_list_of_jobs_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    path = tmp_path / "sweeps" / "table3-0" / "jobs.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert sweep_command(["status", str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err == f"error: {path} is not a list of jobs: run the sweep's command again to rewrite it\n"
    )


def test_a_sweep_over_an_empty_list_is_an_error(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sweep(root, monkeypatch, "--multirun", "seed=range(0)") == 2
    assert "the sweep has no job, because a value of it is an empty list" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("experiments", "message"),
    [
        ("table3,lr_search", "experiment=table3 is a sweep itself, over maps, .* 'experiment=[table3,lr_search]'"),
        ("demo/floc,demo/table3", "experiment=demo/table3 is a sweep itself, over maps"),
        ("demo/floc,nosuch", "experiment/nosuch does not exist"),
    ],
)
def test_a_sweep_over_sweeps_is_rejected_before_any_job(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    experiments: str,
    message: str,
) -> None:
    assert run_sweep(root, monkeypatch, "--multirun", f"experiment={experiments}") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert re.search(message.replace("[", r"\["), error)
    assert not (root / "sweeps").exists()


def test_the_only_job_of_a_sweep_without_overrides_has_a_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["train", "--multirun", f"root={root}"])
    with pytest.raises(SystemExit):
        train_command()
    assert "failed: job 0 (as configured): no finished run of floc" in capsys.readouterr().err


def test_a_backbone_without_imagenet_weights_is_left_out_of_a_sweep(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--multirun", "model=floc", "backbone=small,resnetv2_152", "data.init=imagenet")
    for _ in range(2):
        assert run_sweep(root, monkeypatch, *words) == 0
        assert states(root) == ["done", "left out"]
        assert "left out: job 1 (backbone=resnetv2_152): no ImageNet weights exist for" in capsys.readouterr().err
    assert sweep_command(["status", str(root)]) == 0
    assert "1 done, 0 running, 0 failed, 1 left out, 0 missing" in capsys.readouterr().out


def test_figure6_completes_with_eleven_cells(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_config, "_cached", lambda repository: True)
    trained = []
    monkeypatch.setattr(fit, "train", lambda cfg: trained.append((cfg.backbone.name, cfg.backbone.init)))
    assert run_sweep(root, monkeypatch, "experiment=figure6") == 0
    assert len(set(trained)) == len(trained) == 11
    assert {name.partition(".")[0] for name, _ in trained} == set(FIGURE_6_BACKBONES)
    assert ("resnetv2_152", "he") in trained
    assert sorted(states(root)) == ["done"] * 11 + ["left out"]


def test_two_concurrent_sweeps_share_the_work(root: Path) -> None:
    command = [sys.executable, "-m", "mammo.train", "--multirun", "maps=[loc]", "seed=0,1", *WORDS, f"root={root}"]
    children = [
        subprocess.Popen(command, cwd=HERE, env=dict(os.environ), stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    printed = "".join(child.communicate()[0] for child in children)
    assert [child.returncode for child in children] == [0, 0]
    for seed in (0, 1):
        assert printed.count(f"fagg-loc-s{seed}: done") == 1
        assert printed.count(f"fagg-loc-s{seed}: already done") == 1
    assert states(root) == ["done", "done"]


JOB = """
import os, signal, time
from pathlib import Path
from omegaconf import DictConfig
from mammo.cli.hydra_app import command

def task(cfg: DictConfig) -> float:
    if cfg.seed == 3:
        raise ValueError("division by zero")
    started = Path(cfg.root, f"started-{cfg.trial}")
    if not started.exists():
        started.touch()
        os.kill(os.getpid(), signal.SIGUSR2)  # as Slurm does before it ends the job
        time.sleep(60)
    Path(cfg.root, f"trained-{cfg.seed}-{cfg.trial}-{cfg.model.lr}").touch()
    return 0.5

if __name__ == "__main__":
    command("train")(task)()
"""


def test_submitits_local_executor_runs_four_jobs_and_requeues_preempted_ones(tmp_path: Path) -> None:
    script = tmp_path / "job.py"
    script.write_text(JOB)
    command = [sys.executable, str(script), "experiment=lr_search", "trial=0,1", "seed=2,3", f"root={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]])}
    done = subprocess.run(
        [*command, "hydra/launcher=submitit_local"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert len(list(tmp_path.glob("trained-2-*"))) == 2
    assert states(tmp_path) == ["done", "failed", "done", "failed"]
    assert done.stderr.count("(trial=0 seed=3): ValueError: division by zero") == 1
    (sweep,) = Sweep.below(tmp_path)
    assert "division by zero" in (sweep.folder / "1" / "traceback.txt").read_text()
    logs = [path.read_text() for path in sweep.folder.glob(".submitit/*/*_log.out")]
    assert sum("Requeued job" in log for log in logs) == 2
