"""A training of several processes under Slurm: started as it must be it is one training, otherwise it is rejected."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from filelock import FileLock

from mammo.cli.hydra_app import composed
from mammo.models.floc import FLoc
from mammo.models.weight_files import read_weights
from mammo.training.build import datamodule_of
from mammo.training.train_config import store_defaults
from tests.faults.command_lines import FLOC
from tests.slurm.batch_job import LIMIT_S, ended, mammo, submitted
from tests.slurm.cluster import Cluster, wait_for
from tests.slurm.conftest import environment
from tests.slurm.failing_process import WAIT_S

TRAIN = tuple(word for word in FLOC if not word.startswith("root="))
TWO = ("trainer.devices=2", "trainer.strategy=ddp")
N_EPOCHS = 6
SRUN = "srun --nodes=1 --ntasks-per-node=2 --ntasks=2 "


def words(root: Path, *more: str) -> str:
    """The command that trains f_loc in a root."""
    return mammo(*TRAIN, f"root={root}", *more)


def launched(root: Path, *more: str) -> list[str]:
    """The command that trains f_loc in a root by the launcher."""
    preset = ("--multirun", "hydra/launcher=slurm_ddp", "hydra.launcher.cpus_per_task=1")
    return [sys.executable, "-m", "mammo", *TRAIN, f"root={root}", *more, *preset]


def only_run(root: Path) -> Path:
    """The folder of the one run of a root."""
    (run,) = root.glob("runs/*")
    return run


@pytest.mark.parametrize(
    ("srun", "more", "options"),
    [
        pytest.param("", TWO, ["--ntasks=1"], id="no srun"),
        pytest.param("", TWO, ["--ntasks-per-node=2"], id="two tasks, no srun"),
        pytest.param("srun -n2 ", TWO, ["--ntasks=2"], id="no --ntasks-per-node"),
        pytest.param("srun -n4 --ntasks-per-node=4 ", TWO, ["--ntasks=4"], id="more tasks than devices"),
        pytest.param("srun -n1 --ntasks-per-node=1 ", TWO, ["--ntasks=2"], id="fewer tasks than devices"),
        pytest.param("srun -n2 --ntasks-per-node=2 ", (), ["--ntasks=2"], id="two processes of one run"),
        pytest.param(SRUN, (*TWO, "trainer.num_nodes=2"), ["--ntasks-per-node=2"], id="another number of nodes"),
    ],
)
def test_a_wrong_start_is_rejected_once_before_training(
    cluster: Cluster, root: Path, srun: str, more: tuple[str, ...], options: list[str]
) -> None:
    job = ended(cluster, root, srun + words(root, *more), "--nodes=1", *options)
    assert job.status == 2, job.output
    assert len(job.errors) == 1, job.output
    assert "Traceback" not in job.output
    assert not list(root.glob("runs/*"))
    assert "trainer.devices=" in job.errors[0]


def test_the_lines_of_the_message_train(cluster: Cluster, root: Path) -> None:
    rejected = ended(cluster, root, words(root, *TWO), "--ntasks=1").errors[0]
    directive, line = re.findall(r"'(.+?)'", rejected)
    options = directive.removeprefix("#SBATCH ").split()
    job = ended(cluster, root, line.replace("mammo train ...", words(root, *TWO)), *options)
    assert job.status == 0, job.output
    assert "each batch of 6 is dealt to 2 processes: 3, 3" in job.output
    assert job.output.count("epoch 1/2") == 1, "only the first process prints"
    assert "srun" not in job.output, "no advice to start it with srun"
    assert json.loads((only_run(root) / "result.json").read_text())["batch_parts"] == [3, 3]


@pytest.fixture(scope="module")
def both(cluster: Cluster, made_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The runs of one training, started with srun in a batch job, and by the launcher slurm_ddp."""
    roots = [tmp_path_factory.mktemp(name) for name in ("srun", "launcher")]
    for root in roots:
        (root / "store").symlink_to(made_root / "store")
    job = ended(cluster, roots[0], SRUN + words(roots[0], *TWO), "--nodes=1", "--ntasks-per-node=2")
    assert job.status == 0, job.output
    done = subprocess.run(
        launched(roots[1], *TWO), env=environment(cluster), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return only_run(roots[0]), only_run(roots[1])


def test_srun_and_the_launcher_give_the_same_weights_and_scores(both: tuple[Path, Path]) -> None:
    assert both[0].name == both[1].name
    for name in ("last.ckpt", "best.ckpt"):
        first, second = (read_weights(run / name)["state_dict"] for run in both)
        assert all(torch.equal(value, second[key]) for key, value in first.items())
    results = [json.loads((run / "result.json").read_text()) for run in both]
    tables = [{name: digest for name, digest in each["files"].items() if "parquet" in name} for each in results]
    assert len(tables[0]) == 2
    assert tables[0] == tables[1]
    assert results[0]["batch_parts"] == [3, 3]


def test_the_aucs_are_those_of_one_process_that_scores_the_checkpoint(both: tuple[Path, Path]) -> None:
    run = both[0]
    root = run.parent.parent
    data = datamodule_of(composed("train", [*TRAIN[1:], f"root={root}"], store_defaults))
    network = FLoc.load_from_checkpoint(run / "best.ckpt", weights_only=True)
    alone = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    (validated,) = alone.validate(network, data, verbose=False)
    (tested,) = alone.test(network, data, verbose=False)
    result = json.loads((run / "result.json").read_text())
    assert result["val_auc"] == validated["val_auc"]
    assert result["test_auc"] == tested["test_auc"]


def test_a_run_that_is_done_while_its_lock_is_waited_for_ends_all_processes(
    cluster: Cluster, both: tuple[Path, Path]
) -> None:
    run = both[0]
    root = run.parent.parent
    with FileLock(run / "lock"):
        number = submitted(cluster, root, SRUN + words(root, *TWO), "--nodes=1", "--ntasks-per-node=2")
        output = root / f"{number}.out"
        wait_for(lambda: "waiting for another process" in output.read_text(), LIMIT_S, "the wait for the lock")
    assert cluster.wait([number], LIMIT_S) == {number: "COMPLETED"}
    assert "already done" in output.read_text()


def _damage(table: Path) -> None:
    table.write_bytes(b"damaged")


def _remove(table: Path) -> None:
    (table.parent / "store.json").unlink()


@pytest.mark.parametrize("harm", [_damage, _remove])
def test_what_is_wrong_with_the_store_ends_all_processes_in_one_sentence(
    cluster: Cluster, root: Path, harm: Callable[[Path], None]
) -> None:
    harm(root / "store" / "lesions.parquet")
    job = ended(cluster, root, SRUN + words(root, *TWO), "--nodes=1", "--ntasks-per-node=2")
    assert job.status == 2, job.output
    assert len(job.errors) == 1, job.output
    assert "Traceback" not in job.output


def test_an_error_of_the_first_process_alone_ends_all(cluster: Cluster, root: Path) -> None:
    (root / "runs").write_text("a file where the first process would make a folder")
    job = ended(cluster, root, SRUN + words(root, *TWO), "--nodes=1", "--ntasks-per-node=2")
    assert job.status == 2, job.output
    assert len(job.errors) == 1, job.output


FAILING = (*TWO, "model._target_=tests.slurm.failing_process.FailingFLoc", "allow_targets=[tests]")


def test_an_error_of_one_process_in_training_ends_the_others_that_wait_for_it(cluster: Cluster, root: Path) -> None:
    begun = time.monotonic()
    line = SRUN + "--kill-on-bad-exit " + words(root, *FAILING)
    job = ended(cluster, root, line, "--nodes=1", "--ntasks-per-node=2")
    assert time.monotonic() - begun < WAIT_S / 2
    assert (job.state, job.errors) == ("FAILED", ["error: the second process fails"]), job.output


def test_the_launcher_ends_the_processes_that_wait_for_one_that_failed(cluster: Cluster, root: Path) -> None:
    begun = time.monotonic()
    done = subprocess.run(launched(root, *FAILING), env=environment(cluster), capture_output=True, text=True)
    assert time.monotonic() - begun < WAIT_S / 2
    assert done.returncode == 1
    assert "failed: job 0 (as configured): the second process fails" in done.stderr


def test_a_job_of_two_processes_that_reaches_its_time_limit_is_requeued_and_goes_on(
    cluster: Cluster, root: Path
) -> None:
    with subprocess.Popen(
        launched(root, f"trainer.max_epochs={N_EPOCHS}", "callbacks=[]", *TWO),
        env=environment(cluster),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        wait_for(lambda: bool(list(root.glob("runs/*/last.ckpt"))), LIMIT_S, "the first checkpoint")
        (number,) = (line.split()[0] for line in cluster.queue())
        cluster.output("scancel", "--signal=USR2", number)  # as Slurm does some time before a time limit
        out, err = command.communicate(timeout=LIMIT_S)
    assert command.returncode == 0, err
    assert cluster.states([number]) == {number: "COMPLETED"}
    run = only_run(root)
    assert read_weights(run / "last.ckpt")["epoch"] == N_EPOCHS - 1
    rows = pd.concat([pd.read_csv(path) for path in run.glob("metrics/*/metrics.csv")])
    assert sorted(rows["epoch"][rows["val_auc"].notna()]) == list(range(N_EPOCHS))
    log = next(root.glob("sweeps/*/.submitit/*/*_0_log.out")).read_text()
    assert log.count("onwards") == 2, out
