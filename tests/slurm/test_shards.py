"""An ingest in shards, each a Slurm job with its own cores and memory: some are killed, and the merge lacks nothing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.faults.command_lines import STORE
from tests.slurm.batch_job import LIMIT_S
from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import environment

N_SHARDS, N_KILLED = 16, 3
INGEST = ("ingest", "frame=eighth", "processes=1")
SHARDS = ("--multirun", "hydra/launcher=slurm_cpu", f"shard=range({N_SHARDS})", f"shards={N_SHARDS}")
SMALL = ("hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2", "hydra.launcher.array_parallelism=3")


def files(store: Path) -> Mapping[str, bytes]:
    """The content of a store."""
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "mammo", *INGEST, f"root={root}", *words]


@pytest.fixture
def roots(made_root: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two roots with the same source and pseudonyms, without a store."""
    for name in ("single", "sharded"):
        root = shutil.copytree(made_root, tmp_path / name)
        for path in (found for pattern in STORE for found in root.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return tmp_path / "single", tmp_path / "sharded"


def running(cluster: Cluster) -> Iterator[str]:
    """Yield the numbers of the jobs that run."""
    for line in cluster.queue():
        number, state = line.split(" ")
        if state == "RUNNING":
            yield number


def kill_some(cluster: Cluster) -> list[str]:
    """Kill as many jobs as are to be killed, as soon as they run; their numbers."""
    killed = dict[str, None]()

    def killed_enough() -> bool:
        for number in [each for each in running(cluster) if each not in killed][: N_KILLED - len(killed)]:
            cluster.output("scancel", "--signal=KILL", number)
            killed[number] = None
        return len(killed) == N_KILLED

    wait_for(killed_enough, LIMIT_S, "jobs to kill")
    return list(killed)


def test_merged_shards_of_which_some_were_killed_equal_the_store_of_one_process(
    cluster: Cluster, roots: tuple[Path, Path]
) -> None:
    single, sharded = roots
    subprocess.run(command(single), check=True, capture_output=True)
    shards = command(sharded, *SHARDS, *SMALL)
    with subprocess.Popen(
        shards, env=environment(cluster), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        killed = kill_some(cluster)
        _, err = first.communicate(timeout=LIMIT_S)
    assert first.returncode == 1, err
    assert f"{N_SHARDS - N_KILLED} of {N_SHARDS} jobs done, {N_KILLED} lost" in err
    assert cluster.queue() == []
    states = cluster.states(killed)
    assert len(states) == N_KILLED
    assert "COMPLETED" not in states.values()
    for n_submitted in (N_KILLED, 0):
        again = subprocess.run(shards, env=environment(cluster), capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert f": {n_submitted} submitted to Slurm" in again.stderr
    assert len(list((sharded / "store" / "parts").glob("*/*/"))) == N_SHARDS
    merged = subprocess.run(command(sharded), capture_output=True, text=True, check=False)
    assert merged.returncode == 0, merged.stderr
    assert files(sharded / "store") == files(single / "store")


def test_a_job_has_the_cores_and_memory_of_the_preset(cluster: Cluster, made_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(made_root, tmp_path / "root")
    words = [*SHARDS[:2], "shard=0", f"shards={N_SHARDS}", "hydra.launcher.timeout_min=10"]
    with subprocess.Popen(command(root, *words), env=environment(cluster), stdout=-3, stderr=-3) as submitted:
        wait_for(lambda: bool(list(running(cluster))), LIMIT_S, "the job")
        (number,) = running(cluster)
        submitted.wait(LIMIT_S)
    asked = cluster.output("sacct", "-nPX", "-o", "ReqTRES", "-j", number)
    assert {"cpu=4", "mem=8G", "node=1"} <= {*asked.strip().split(",")}
    assert "gpu" not in asked
