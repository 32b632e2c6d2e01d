"""Batch jobs of mammo commands on the cluster of the tests."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.slurm.cluster import ENDED, Cluster, wait_for

LIMIT_S = 600.0
"""Longest time of a job, on a machine that does much else."""


@dataclass(frozen=True)
class BatchJob:
    """A batch job that has ended.

    Attributes:
        state: of accounting: COMPLETED, FAILED, ...
        status: the exit status of the batch script.
        output: what its processes printed, in the order of arrival.
    """

    state: str
    status: int
    output: str

    @property
    def errors(self) -> list[str]:
        """The sentences of wrong use."""
        return [line for line in self.output.splitlines() if line.startswith("error: ")]


def mammo(*words: str) -> str:
    """The shell's words of a mammo command in this interpreter."""
    return shlex.join([sys.executable, "-m", "mammo", *words])


def submitted(cluster: Cluster, folder: Path, script: str, *options: str) -> str:
    """The number of a job that runs a line of shell in this folder of the checkout; its output goes to a file there."""
    words = ["sbatch", "--parsable", f"--output={folder}/%j.out", "--export=ALL", *options, "--wrap", script]
    return cluster.output(*words).strip()


def ended(cluster: Cluster, folder: Path, script: str, *options: str) -> BatchJob:
    """Run a line of shell as a batch job to its end.

    AssertionError if it has not ended after 10 minutes, or one minute after a sentence of wrong use.
    """
    number = submitted(cluster, folder, script, *options)
    output = folder / f"{number}.out"
    wait_for(lambda: "\nerror: " in f"\n{output.read_text()}" or _is_over(cluster, number), LIMIT_S, "the job")
    state = cluster.wait([number], 60)[number]
    code = cluster.output("sacct", "-nPX", "-o", "ExitCode", "-j", number).strip()
    return BatchJob(state, int(code.partition(":")[0]), output.read_text())


def _is_over(cluster: Cluster, number: str) -> bool:
    return {*cluster.states([number]).values()} <= {*ENDED}
