"""The cores that a process of a Slurm job may use are those that the job asked for, not those of the machine."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from tests.slurm.batch_job import ended
from tests.slurm.cluster import Cluster

COUNT = "from mammo.machine import usable_cores; print('cores', usable_cores())"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core cannot show the difference")
@pytest.mark.parametrize(
    ("options", "srun", "cores"),
    [
        (["--ntasks=1"], "", [1]),
        (["--ntasks=1", "--cpus-per-task=2"], "", [2]),
        (["--ntasks=1", "--cpus-per-task=2"], "srun ", [2]),
        (["--ntasks-per-node=2"], "srun ", [1, 1]),
        (["--ntasks-per-node=2", "--cpus-per-task=2"], "srun ", [2, 2]),
    ],
)
def test_usable_cores(cluster: Cluster, tmp_path: Path, options: list[str], srun: str, cores: list[int]) -> None:
    job = ended(cluster, tmp_path, srun + shlex.join([sys.executable, "-c", COUNT]), "--nodes=1", *options)
    assert [int(line.split()[1]) for line in job.output.splitlines() if line.startswith("cores ")] == cores
