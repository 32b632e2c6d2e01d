"""A whole grid on Slurm, with killed jobs, a node failure and time limits, gives the table of an undisturbed one."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from tests.faults.command_lines import COMMAND_LINES, TRAIN
from tests.slurm.batch_job import LIMIT_S
from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import environment
from tests.slurm.test_sweeps import SLURM, n_jobs

INPUTS = ("train context", "precompute saliency", "train floc", "precompute embeddings")
MAPS = "maps=[loc],[sal],[emb],[loc,sal],[loc,emb],[sal,emb],[loc,sal,emb]"
SHARED = tuple(word for word in TRAIN if not word.startswith("root="))
GRID = (*SHARED, "--multirun", MAPS, "seed=range(6)", "group=grid")
N_JOBS, N_KILLED = 42, 3
FORGET_S = 20.0
"""Time in which the daemon of the node, which has not failed, forgets its jobs: it runs none twice."""

LIMITED = (
    *(*SHARED, "--multirun", "model=floc", "backbone=small", "seed=7,8", "group=limited"),
    *("trainer.max_epochs=300", "callbacks=[]", "hydra.launcher.timeout_min=1", "hydra.launcher.signal_delay_s=15"),
)
"""Two trainings that reach their time limit, of which Slurm warns them up to half a minute early."""


@pytest.fixture(scope="module")
def inputs(made_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with all that f_agg reads."""
    root = shutil.copytree(made_root, tmp_path_factory.mktemp("inputs") / "root")
    for line in COMMAND_LINES:
        if line.name in INPUTS:
            mammo(root, *line.words(root))
    return root


@pytest.fixture(scope="module")
def undisturbed(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which one process has trained the grid."""
    root = shutil.copytree(inputs, tmp_path_factory.mktemp("undisturbed") / "root")
    mammo(root, *GRID, f"root={root}")
    return root


def mammo(root: Path, *words: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run([sys.executable, "-m", "mammo", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{root}: {done.stderr}"


def command(root: Path, words: tuple[str, ...]) -> list[str]:
    """The command of a sweep on Slurm."""
    return [sys.executable, "-m", "mammo", *words, *SLURM, "hydra.launcher.array_parallelism=4", f"root={root}"]


@contextmanager
def started(cluster: Cluster, root: Path, words: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """A sweep in the background; its output is in two files of the root."""
    with (root / "out.txt").open("w") as out, (root / "err.txt").open("w") as err:
        process = subprocess.Popen(command(root, words), env=environment(cluster), stdout=out, stderr=err, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def running(cluster: Cluster, root: Path) -> list[str]:
    """The numbers of the jobs of a root that run."""
    submitted = {json.loads(path.read_text())["id"] for path in root.glob("sweeps/*/*/slurm.json")}
    return [number for number, state in map(str.split, cluster.queue()) if state == "RUNNING" and number in submitted]


def kill_some(cluster: Cluster, root: Path) -> None:
    """Kill some of the jobs of a sweep as soon as they run."""
    killed = set[str]()

    def killed_enough() -> bool:
        for number in [each for each in running(cluster, root) if each not in killed][: N_KILLED - len(killed)]:
            cluster.output("scancel", "--signal=KILL", "--full", number)
            killed.add(number)
        return len(killed) == N_KILLED

    wait_for(killed_enough, LIMIT_S, "jobs to kill")


def fail_node(cluster: Cluster) -> None:
    """Let the node fail, so that Slurm requeues what runs there; it comes back once its processes have ended."""
    cluster.output("scontrol", "update", "NodeName=localhost", "State=DOWN", "Reason=test")
    wait_for(lambda: not cluster.processes(), LIMIT_S, "the end of the processes")
    time.sleep(FORGET_S)
    cluster.output("scontrol", "update", "NodeName=localhost", "State=RESUME")


def extend_limits(cluster: Cluster, root: Path) -> None:
    """Give the two jobs of a sweep more time once both have reached their limit: a busy machine only starts in it."""

    def ended() -> list[str]:
        logs = root.glob("sweeps/*/.submitit/*/*_log.err")
        return [path.parent.name for path in logs if "this job is timed-out" in path.read_text()]

    wait_for(lambda: len(ended()) == 2, LIMIT_S, "two time limits")
    for number in ended():
        cluster.output("scontrol", "update", f"JobId={number}", "TimeLimit=20")


def table(root: Path) -> bytes:
    """The table that compares the cells of the grid."""
    mammo(root, "sweep", "compare", "grid", str(root))
    return (root / "comparison" / "grid" / "table.csv").read_bytes()


def test_a_disturbed_grid_beside_another_sweep_gives_the_undisturbed_table(
    cluster: Cluster, inputs: Path, undisturbed: Path, tmp_path: Path
) -> None:
    grid, limited = shutil.copytree(inputs, tmp_path / "grid"), tmp_path / "limited"
    limited.mkdir()
    (limited / "store").symlink_to(inputs / "store")
    before, begun = n_jobs(cluster), time.monotonic()
    with started(cluster, limited, LIMITED) as second, started(cluster, grid, GRID) as first:
        kill_some(cluster, grid)
        wait_for(lambda: len(running(cluster, grid)) > 0, LIMIT_S, "a job on the node")
        fail_node(cluster)
        extend_limits(cluster, limited)
        statuses = [process.wait(LIMIT_S) for process in (first, second)]
    assert statuses == [1, 0], [(root / "err.txt").read_text() for root in (grid, limited)]
    assert f"{N_JOBS - N_KILLED} of {N_JOBS} jobs done, {N_KILLED} lost" in (grid / "err.txt").read_text()
    assert n_jobs(cluster) == before + N_JOBS + 2
    assert "NODE_FAIL" in cluster.output("sacct", "-nPXD", "-o", "State", "-S", "now-1days"), "requeued by the failure"
    print(f"grid and limited sweep in {time.monotonic() - begun:.0f} s")  # shown by pytest -s
    for n_lost in (N_KILLED, 0):
        begun = time.monotonic()
        again = subprocess.run(
            command(grid, GRID), env=environment(cluster), capture_output=True, text=True, check=False
        )
        print(f"{n_lost} jobs in {time.monotonic() - begun:.1f} s")
        assert again.returncode == 0, again.stderr
        assert f": {n_lost} submitted to Slurm" in again.stderr
    assert n_jobs(cluster) == before + N_JOBS + 2 + N_KILLED
    check_runs(grid, undisturbed)
    assert table(grid) == table(undisturbed)
    assert len(list(limited.glob("limited/*/result.json"))) == 2
    wait_for(lambda: not cluster.queue(), LIMIT_S, "an empty queue")


def check_runs(grid: Path, undisturbed: Path) -> None:
    """Check that both grids have the same runs with the same scores, and that no run trained an epoch twice."""
    runs = [sorted(path.name for path in root.glob("grid/*")) for root in (grid, undisturbed)]
    assert len(runs[0]) == N_JOBS
    assert runs[0] == runs[1]
    for name in runs[0]:
        scores = [(root / "grid" / name / "lesions.csv").read_bytes() for root in (grid, undisturbed)]
        assert scores[0] == scores[1], name
        rows = pd.concat([pd.read_csv(path) for path in (grid / "grid" / name).glob("metrics/*/metrics.csv")])
        assert sorted(rows["epoch"][rows["val_auc"].notna()]) == [0, 1], name
