"""A Slurm job that depends on the success of a training starts after success only."""

from pathlib import Path

from tests.slurm.batch_job import LIMIT_S, submitted
from tests.slurm.cluster import Cluster
from tests.slurm.test_ddp import words


def test_a_job_after_a_training_starts_only_if_that_succeeds(cluster: Cluster, root: Path) -> None:
    states = {}
    for name, accelerator in (("failing", "gpu"), ("succeeding", "cpu")):
        training = submitted(cluster, root, words(root, f"trainer.accelerator={accelerator}"))
        options = (f"--dependency=afterok:{training}", "--kill-on-invalid-dep=yes")
        after = submitted(cluster, root, f"ls {root}/runs/*/result.json", *options)
        ends = cluster.wait([training, after], LIMIT_S)
        states[name] = (ends[training], ends[after])
    assert states == {"failing": ("FAILED", "CANCELLED"), "succeeding": ("COMPLETED", "COMPLETED")}
