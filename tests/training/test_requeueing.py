"""A training that submitit requeues within an epoch ends like an undisturbed one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mammo.cli.hydra_app import composed
from mammo.training.fit import train
from mammo.training.train_config import store_defaults

HERE = Path(__file__).resolve().parents[2]
QUICK = (
    "model=floc",
    "backbone=small",
    "trainer=cpu",
    "trainer.max_epochs=3",
    "torch.threads=1",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 2, test: 2}",
    "batch_size=4",
    "model.lr=1e-3",
)
CALLBACKS = ("[early_stopping]", "[early_stopping,weight_averaging]")

JOB = """
import os, signal
from pathlib import Path
from omegaconf import DictConfig
from mammo.cli.hydra_app import command
from mammo.training.train_config import store_defaults

def task(cfg: DictConfig) -> float:
    from mammo.training import resume
    from mammo.training.progress_lines import EpochProgress
    from mammo.training.fit import train

    signaled = Path(cfg.root, f"signaled-{len(cfg.callbacks)}")

    def preempt(_, trainer, network, batch, number):
        if (trainer.current_epoch, number) == (1, 3) and not signaled.exists():
            signaled.touch()
            os.kill(os.getpid(), signal.SIGUSR2)  # as Slurm does before it takes the node away

    resume.CHECKPOINT_INTERVAL_S = 0.0
    EpochProgress.on_train_batch_start = preempt
    return train(cfg)

if __name__ == "__main__":
    command("train", store_defaults)(task)()
"""


def run_of(root: Path, callbacks: str) -> Path:
    """The folder of the one run with these callbacks."""
    averages = "weight_averaging" in callbacks
    configs = root.glob("runs/*/config.yaml")
    (run,) = (path.parent for path in configs if ("weight_averaging:" in path.read_text()) == averages)
    return run


def tables(run: Path) -> dict[str, str]:
    """The digest of each table of scores."""
    files = json.loads((run / "result.json").read_text())["files"]
    return {name: digest for name, digest in files.items() if name.endswith(".parquet")}


@pytest.fixture(scope="module")
def roots(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A root of two undisturbed runs, and one of the same two, each requeued once."""
    calm, requeued = (tmp_path_factory.mktemp(name) for name in ("calm", "requeued"))
    for root in (calm, requeued):
        shutil.copytree(small_root / "store", root / "store")
    for callbacks in CALLBACKS:
        train(composed("train", [f"root={calm}", *QUICK, f"callbacks={callbacks}"], store_defaults))
    (requeued / "job.py").write_text(JOB)
    command = [sys.executable, str(requeued / "job.py"), "--multirun", "hydra/launcher=submitit_local"]
    command += [*QUICK, f"callbacks={','.join(CALLBACKS)}", f"root={requeued}"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ["PYTHONPATH"]])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return calm, requeued


@pytest.mark.slow
@pytest.mark.parametrize("callbacks", CALLBACKS)
def test_a_requeued_training_ends_in_the_same_weights_and_scores(roots: tuple[Path, Path], callbacks: str) -> None:
    calm, requeued = (run_of(root, callbacks) for root in roots)
    for name in ("last.ckpt", "best.ckpt"):
        whole, again = (torch.load(run / name, weights_only=True) for run in (calm, requeued))
        assert again["global_step"] == whole["global_step"]
        assert all(torch.equal(value, again["state_dict"][key]) for key, value in whole["state_dict"].items())
    assert len(tables(calm)) == 2
    assert tables(requeued) == tables(calm)


@pytest.mark.slow
def test_each_job_was_requeued_once_and_resumed_within_its_second_epoch(roots: tuple[Path, Path]) -> None:
    logs = [path.read_text() for path in roots[1].glob("sweeps/*/.submitit/*/*_log.out")]
    assert len(logs) == len(CALLBACKS)
    for log in logs:
        assert log.count("Requeued job") == 1
        assert log.count("epoch 0 onwards") == 1
        assert log.count("epoch 1 onwards") == 1
