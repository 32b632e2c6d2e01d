"""A grid of 42 jobs that is killed three times at random moments ends with the results of an undisturbed one.

Where make demo has been run, its cohort, f_loc and saliency maps are used, and the grid's time is printed; otherwise
a cohort of twelve patients is used.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mammo.cli.hydra_app import composed
from mammo.sweep import main as sweep_command
from mammo.training.fit import train
from mammo.training.precomputed import cached_saliency
from mammo.training.run_dir import best_run
from mammo.training.sweep_state import Sweep
from mammo.training.train_config import store_defaults

HERE = Path(__file__).resolve().parents[2]
DEMO = Path(os.environ.get("MAMMO_DEMO_ROOT", HERE / "runs" / "demo"))
GRID = (
    "experiment=[demo/table3,lr_search]",
    "trial=0,1",
    "seed=0,1,2",
    "group=grid",
    "pairing=fagg",
    "hydra/launcher=joblib",
    "hydra.launcher.n_jobs=2",
)
SMALL = (
    "trainer.max_epochs=3",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 3, test: 4}",
)
N_JOBS = 7 * 2 * 3
N_KILLS = 3


def small_inputs(small_root: Path, root: Path) -> None:
    """A small store with a context network, its maps, and an f_loc."""
    shutil.copytree(small_root / "store", root / "store")
    for network in ("context", "floc"):
        limits = ("trainer.limit_train_batches=4", "trainer.max_epochs=1", *SMALL[1:])
        train(composed("train", [f"experiment=demo/{network}", f"root={root}", *limits], store_defaults))
    cached_saliency(best_run(root, "context") / "best.ckpt", root, root / "store", "auto")


@pytest.fixture(scope="module")
def given(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[str, ...]]:
    """A root with the inputs of f_agg, and the overrides of the command beside GRID."""
    if list(DEMO.glob("table3/floc-*/result.json")) and (DEMO / "saliency").is_dir():
        return DEMO, ()
    root = tmp_path_factory.mktemp("given")
    small_inputs(small_root, root)
    return root, SMALL


def fresh(given: Path, root: Path) -> Path:
    """A root of its own with the given store, maps, f_loc and context network, and no f_agg."""
    (root / "table3").mkdir(parents=True)
    for name in ("store", "saliency"):
        (root / name).symlink_to((given / name).resolve())
    for run in (*given.glob("table3/floc-*"), *given.glob("table3/context-*")):
        shutil.copytree(run, root / "table3" / run.name)
    return root


def started(root: Path, overrides: tuple[str, ...]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mammo.train", *GRID, *overrides, f"root={root}"]
    return subprocess.Popen(command, cwd=HERE, env=dict(os.environ), start_new_session=True)


def finished(root: Path) -> dict[str, int]:
    """The time at which each finished job ended."""
    return {path.parent.name: path.stat().st_mtime_ns for path in root.glob("grid/*/result.json")}


def killed_three_times(root: Path, overrides: tuple[str, ...]) -> dict[str, int]:
    """Start the grid and kill it with all its jobs in each third of it; return the jobs that were finished by then."""
    rng = np.random.default_rng(0)
    before: dict[str, int] = {}
    for third in range(N_KILLS):
        enough = int(rng.integers(third * 14 + 1, third * 14 + 13))
        child = started(root, overrides)
        while len(finished(root)) < enough:
            assert child.poll() is None
            time.sleep(0.1)
        time.sleep(float(rng.uniform(0, 2)))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        now = finished(root)
        assert before.items() <= now.items(), "a finished job ran twice"
        assert len(now) < N_JOBS
        before = now
    return before


def scores(root: Path) -> dict[str, dict[str, str]]:
    """The digest of every score table, by job; checkpoints differ, because they hold times and paths."""
    results = {path.parent.name: json.loads(path.read_text()) for path in root.glob("grid/*/result.json")}
    return {
        job: {name: digest for name, digest in result["files"].items() if name.endswith(".parquet")}
        for job, result in results.items()
    }


def table(root: Path) -> bytes:
    assert sweep_command(["compare", "grid", str(root)]) == 0
    return (root / "comparison" / "grid" / "table.csv").read_bytes()


@pytest.mark.slow
def test_a_grid_killed_three_times_ends_as_if_undisturbed(given: tuple[Path, tuple[str, ...]], tmp_path: Path) -> None:
    source, overrides = given
    calm, disturbed = (fresh(source, tmp_path / name) for name in ("calm", "disturbed"))
    start = time.monotonic()
    assert started(calm, overrides).wait() == 0
    took = time.monotonic() - start
    assert len(finished(calm)) == N_JOBS
    print(f"{N_JOBS} jobs on {source} in {took:.0f} s with two joblib processes on {os.cpu_count()} cores")

    before = killed_three_times(disturbed, overrides)
    assert started(disturbed, overrides).wait() == 0
    assert before.items() <= finished(disturbed).items()
    assert len(finished(disturbed)) == N_JOBS
    (sweep,) = Sweep.below(disturbed)
    assert [job.state for job in sweep.state()] == ["done"] * N_JOBS
    assert table(disturbed) == table(calm)
    assert scores(disturbed) == scores(calm)
