"""Sweeps whose jobs are Slurm jobs give what the same sweeps give without Slurm, whatever happens to their jobs."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest

from tests.faults.command_lines import FLOC
from tests.slurm.cluster import Cluster, running_cluster, wait_for
from tests.slurm.conftest import environment

TRAIN = tuple(word for word in FLOC if not word.startswith("root="))
SLURM = ("hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2")
N_EPOCHS = 150
"""Epochs that take longer than Slurm takes to end a requeued job, which does not end at SIGTERM: about 20 s."""

START_S = 180.0
"""Longest time in which a job starts."""


def command(root: Path, *words: str) -> list[str]:
    """The command of a sweep of f_loc."""
    return [sys.executable, "-m", "mammo", TRAIN[0], *typed(root, *words)]


def typed(root: Path, *words: str) -> list[str]:
    """The words of a sweep of f_loc that follow `mammo train`."""
    return ["--multirun", *TRAIN[1:], f"root={root}", "group=sweep", *SLURM, *words]


def sweep(cluster: Cluster, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a sweep of f_loc to its end."""
    return subprocess.run(command(root, *words), env=environment(cluster), capture_output=True, text=True, check=False)


@contextmanager
def started(cluster: Cluster, root: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep of f_loc in the background."""
    with subprocess.Popen(
        command(root, *words), env=environment(cluster), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def busy(cluster: Cluster) -> Iterator[None]:
    """The node is taken by another job, so that jobs pend."""
    number = cluster.output("sbatch", "--parsable", "--exclusive", "--output=/dev/null", "--wrap", "sleep 600").strip()
    wait_for(lambda: f"{number} RUNNING" in cluster.queue(), START_S, "the other job")
    try:
        yield
    finally:
        cluster.output("scancel", number)


def n_jobs(cluster: Cluster) -> int:
    """How many Slurm jobs there have been, array tasks apart."""
    return len(cluster.output("sacct", "-nPX", "-o", "JobID", "-S", "now-1days").split())


def mammo(cluster: Cluster, *words: str) -> str:
    """What a command of mammo prints."""
    words = (sys.executable, "-m", "mammo", *words)
    return subprocess.run(words, env=environment(cluster), capture_output=True, text=True, check=False).stdout


def results(root: Path) -> list[dict[str, Any]]:
    """The contents of result.json of all runs."""
    return [json.loads(path.read_text()) for path in sorted(root.glob("sweep/*/result.json"))]


def test_a_killed_job_is_lost_the_others_go_on_and_the_same_command_runs_it_again(cluster: Cluster, root: Path) -> None:
    before, words = n_jobs(cluster), ("seed=1,2,3", "hydra.launcher.array_parallelism=1")
    with started(cluster, root, *words) as process:
        wait_for(lambda: any("RUNNING" in line for line in cluster.queue()), START_S, "a job")
        (killed,) = (line.split()[0] for line in cluster.queue() if "RUNNING" in line)
        cluster.output("scancel", "-s", "KILL", killed)
        out, err = process.communicate()
    assert process.returncode == 1, err
    assert re.search(rf"lost: job 0 \(seed=1\): Slurm job {killed} ended without a result \(\w+\)", err)
    assert "sweep: 2 of 3 jobs done, 1 lost" in err
    assert "run the same command again" in out
    assert "2 done, 0 running, 0 failed, 1 lost, 0 missing" in mammo(cluster, "sweep", "status", str(root))
    assert "epoch 1/2" in mammo(cluster, "sweep", "logs", "1", str(root))
    again = sweep(cluster, root, *words)
    assert again.returncode == 0, again.stderr
    assert n_jobs(cluster) == before + 4
    begun = time.monotonic()
    repeated = sweep(cluster, root, *words)
    print(f"repeated in {time.monotonic() - begun:.1f} s")  # shown by pytest -s
    assert (repeated.returncode, n_jobs(cluster)) == (0, before + 4)
    assert "0 submitted to Slurm, 0 in its queue already, 3 done" in repeated.stderr


def test_a_terminated_command_leaves_its_jobs_and_the_same_command_waits_for_them(cluster: Cluster, root: Path) -> None:
    before = n_jobs(cluster)
    with busy(cluster), started(cluster, root, "seed=1,2") as process:
        wait_for(lambda: "2 pending" in mammo(cluster, "sweep", "status", str(root)), START_S, "two jobs")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()
        assert process.returncode == 143, err
        assert re.search(r"2 Slurm jobs go on.* scancel \d+_\[0-1\]", err)
        assert sum("PENDING" in line for line in cluster.queue()) == 2
    again = sweep(cluster, root, "seed=1,2")
    assert again.returncode == 0, again.stderr
    assert "0 submitted to Slurm, 2 in its queue already, 0 done" in again.stderr
    assert n_jobs(cluster) == before + 3
    assert all(
        result["command"] == f"python -m {shlex.join(['mammo.train', *typed(root, 'seed=1,2')])}"
        for result in results(root)
    )


@pytest.mark.parametrize("answer", ["y", "n"])
def test_ctrl_c_at_a_terminal_asks_whether_to_cancel_the_jobs(cluster: Cluster, root: Path, answer: str) -> None:
    with busy(cluster):
        number, terminal = pty.fork()
        if not number:
            os.execve(sys.executable, command(root, "seed=1,2"), environment(cluster))
        shown = read_until(terminal, b"2 pending")
        os.write(terminal, b"\x03")
        shown = read_until(terminal, b"[y/N]")
        assert b"cancel 2 Slurm jobs" in shown
        os.write(terminal, f"{answer}\n".encode())
        shown = read_until(terminal, b"scancel" if answer == "n" else b"cancelled: ")
        assert os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 130
        os.close(terminal)
        assert sum("PENDING" in line for line in cluster.queue()) == (2 if answer == "n" else 0)
        cluster.output("scancel", "--state=PENDING", f"--user={os.getuid()}")


def read_until(terminal: int, text: bytes) -> bytes:
    """What a terminal shows, until it shows a text; AssertionError after START_S."""
    shown, end = b"", time.monotonic() + START_S
    while text not in shown:
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 1.0)[0]:
            shown += os.read(terminal, 1 << 16)
    return shown


def test_a_failed_job_is_failed_for_slurm(cluster: Cluster, root: Path) -> None:
    done = sweep(cluster, root, "trainer.accelerator=cpu,gpu")
    assert done.returncode == 1
    assert "failed: job 1 (trainer.accelerator='gpu'): trainer.accelerator=gpu, but torch finds no GPU" in done.stderr
    (array,) = {path.name.partition("_")[0] for path in root.glob("sweeps/*/.submitit/[0-9]*_*")}
    assert cluster.wait([array]) == {f"{array}_0": "COMPLETED", f"{array}_1": "FAILED"}


def test_a_requeued_job_counts_its_time_and_its_epochs_once(cluster: Cluster, root: Path) -> None:
    with started(cluster, root, "seed=1", f"trainer.max_epochs={N_EPOCHS}", "callbacks=[]") as process:
        wait_for(lambda: bool(list(root.glob("sweep/*/metrics/*/metrics.csv"))), START_S, "the first epoch")
        (number,) = (line.split()[0] for line in cluster.queue())
        cluster.output("scontrol", "requeue", number)
        requeued_at = time.time()
        _, err = process.communicate()
    assert process.returncode == 0, err
    (result,) = results(root)
    assert cluster.states([number]) == {number: "COMPLETED"}
    rows = pd.concat([pd.read_csv(path) for path in root.glob("sweep/*/metrics/*/metrics.csv")])
    for name in ("train_loss", "val_auc"):
        assert sorted(rows["epoch"][rows[name].notna()]) == list(range(N_EPOCHS)), name
    last_part = max(path.stat().st_mtime for path in root.glob("sweep/*/result.json")) - requeued_at
    log = next(root.glob("sweeps/*/.submitit/*/*_log.out")).read_text()
    assert log.count("onwards") == 2
    print(f"seconds {result['seconds']}, the last part and the wait before it {last_part:.1f}")


def test_two_sweeps_at_once_in_one_root(cluster: Cluster, root: Path) -> None:
    with started(cluster, root, "seed=1,2") as first, started(cluster, root, "seed=2,3") as second:
        errors = [process.communicate()[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], errors
    assert sorted(result["seed"] for result in results(root)) == [1, 2, 3]


def test_small_arrays_and_no_accounting(root: Path) -> None:
    with TemporaryDirectory(prefix="slurm") as folder, running_cluster(Path(folder), 16, 2, False) as small:
        with started(small, root, "seed=1,2,3", "hydra.launcher.array_parallelism=2") as process:
            wait_for(lambda: len({line.partition("_")[0] for line in small.queue()}) == 2, START_S, "two arrays")
            wait_for(lambda: any("RUNNING" in line for line in small.queue()), START_S, "a job")
            killed = next(line.split()[0] for line in small.queue() if "RUNNING" in line)
            small.output("scancel", "-s", "KILL", killed)
            _, err = process.communicate()
        assert process.returncode == 1, err
        assert f"Slurm job {killed} ended without a result (killed, or cancelled)" in err
        assert len(results(root)) == 2
