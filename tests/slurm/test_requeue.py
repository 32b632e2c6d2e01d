"""Jobs that Slurm ends before they are done: they are requeued and go on, or say that it was the last time."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mammo.models.weight_files import read_weights
from tests.faults.command_lines import FLOC
from tests.slurm.batch_job import LIMIT_S
from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import environment

N_EPOCHS = 6
PRESET = ("--multirun", "hydra/launcher=v100", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2")
TRAIN = tuple(word for word in FLOC if not word.startswith(("root=", "trainer.max_epochs=")))


def command(root: Path, *words: str) -> list[str]:
    train = (*TRAIN, f"trainer.max_epochs={N_EPOCHS}", "callbacks=[]", *PRESET, *words)
    return [sys.executable, "-m", "mammo", *train, f"root={root}"]


@contextmanager
def training(cluster: Cluster, root: Path, *words: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start a sweep of one job; its number, once it has a checkpoint, and the command."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command(root, *words), env=environment(cluster), stdout=pipe, stderr=pipe, text=True
    ) as started:
        wait_for(lambda: bool(list(root.glob("runs/*/last.ckpt"))), LIMIT_S, "the first checkpoint")
        yield cluster.queue()[0].split(" ")[0], started


def logs(root: Path) -> str:
    """What the jobs of a root's sweeps have printed."""
    return "\n".join(path.read_text() for path in sorted(root.glob("sweeps/*/.submitit/**/*_log.*")))


def test_a_training_with_a_dashboard_that_is_requeued_is_done(cluster: Cluster, root: Path) -> None:
    with training(cluster, root, "logger=wandb") as (number, started):
        cluster.output("scancel", "--signal=USR2", number)  # as Slurm does some time before a time limit
        out, err = started.communicate(timeout=LIMIT_S)
    assert started.returncode == 0, err
    assert "failed" not in out + err
    assert logs(root).count("Requeued job") == 1
    (run,) = root.glob("runs/*")
    assert (run / "result.json").is_file()
    assert not (run / "error.txt").exists()
    assert len(list(run.glob("wandb/offline-run-*"))) == 2
    assert read_weights(run / "last.ckpt")["epoch"] == N_EPOCHS - 1


def test_a_job_that_is_requeued_from_outside_is_done(cluster: Cluster, root: Path) -> None:
    with training(cluster, root, "logger=wandb") as (number, started):
        cluster.output("scontrol", "requeue", number)  # ends wandb's process first
        out, err = started.communicate(timeout=LIMIT_S)
    assert started.returncode == 0, err
    assert "failed" not in out + err
    (run,) = root.glob("runs/*")
    assert (run / "result.json").is_file()


def test_the_last_time_limit_is_said_and_the_same_command_goes_on(cluster: Cluster, root: Path) -> None:
    words = ("logger=wandb", "hydra.launcher.timeout_min=10", "hydra.launcher.max_num_timeout=0")
    with training(cluster, root, *words) as (number, started):
        cluster.output("scancel", "--signal=USR2", number)
        out, err = started.communicate(timeout=LIMIT_S)
    assert started.returncode == 1, err
    assert "the job has reached its last time limit" in err
    assert "damaged" not in out + err + logs(root)
    assert "the dashboard is not complete" not in logs(root), "wandb's process outlives the signal"
    assert "Traceback" not in out + err
    again = subprocess.run(command(root, "logger=wandb"), env=environment(cluster), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    (run,) = root.glob("runs/*")
    assert (run / "result.json").is_file()
