"""Sweeps whose jobs are Slurm jobs give what the same sweeps give without Slurm."""

import subprocess
import sys
from pathlib import Path

from tests.faults.command_lines import FLOC
from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import environment

TRAIN = tuple(word for word in FLOC if not word.startswith("root="))
SLURM = ("hydra/launcher=v100", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2")


def sweep(cluster: Cluster, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a sweep of f_loc to its end."""
    command = [sys.executable, "-m", "mammo", *TRAIN, f"root={root}", "group=sweep", "--multirun", *words]
    return subprocess.run(command, env=environment(cluster), capture_output=True, text=True, check=False)


def test_a_sweep_of_two_jobs(cluster: Cluster, root: Path) -> None:
    done = sweep(cluster, root, *SLURM, "seed=1,2")
    assert done.returncode == 0, done.stderr
    assert len(list(root.glob("sweep/*/result.json"))) == 2
    wait_for(lambda: cluster.queue() == [], 30, "the end of the jobs")
