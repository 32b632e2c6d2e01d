"""Two processes that train together (gloo, CPU) learn the weights of one process, and compute the same metrics."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch

from mammo.cli.hydra_app import composed
from mammo.records import MammoError, Split
from mammo.scoring.metrics import auc
from mammo.training.build import datamodule_of
from mammo.training.fit import train
from mammo.training.train_config import store_defaults
from tests.training.own_package import OwnFLoc
from tests.training.run_content import RunContent

HERE = Path(__file__).resolve().parents[2]
OVERRIDES = (
    "model=floc",
    "backbone=small",
    "model._target_=tests.training.own_package.OwnFLoc",  # without batch normalization
    "model.lr=1e-2",
    "allow_targets=[tests]",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.precision=32-true",
    "batch_size=5",
    "eval_batch_size=7",
    "quota={malignant: 2, benign: 3, outside: 9, negative: 7}",  # a last batch of one patch, for two processes
    "windows_per_lesion={train: 2, val: 3, test: 3}",
)


def trained_by_two(module: str, root: Path) -> subprocess.CompletedProcess[str]:
    """Train in a root with two processes of `python -m MODULE`."""
    words = ["train", *OVERRIDES, "trainer.devices=2", "trainer.strategy=ddp", f"root={root}"]
    command = [sys.executable, "-m", module, *words]
    return subprocess.run(command, cwd=HERE, env=dict(os.environ), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def run(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run trained by two processes."""
    root = tmp_path_factory.mktemp("two")
    shutil.copytree(small_root / "store", root / "store")
    done = trained_by_two("mammo", root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/2") == 1, "only the first process prints"
    assert "each batch of 5 is dealt to 2 processes: 3, 2" in done.stdout
    (folder,) = root.glob("runs/*")
    return folder


def test_weights_equal_those_of_one_process(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run.parent.parent / "store", tmp_path / "store")
    train(composed("train", [*OVERRIDES, "test=false", f"root={tmp_path}"], store_defaults))
    (alone,) = tmp_path.glob("runs/*")
    first, second = (torch.load(folder / "last.ckpt", weights_only=True) for folder in (alone, run))
    assert first["global_step"] == second["global_step"] == 10
    torch.manual_seed(0)
    start = OwnFLoc(1e-2).state_dict()
    for name, weights in first["state_dict"].items():
        torch.testing.assert_close(second["state_dict"][name], weights, rtol=0, atol=1e-6)
        assert 1e-3 < (weights - start[name]).abs().mean() < 0.1, "ten steps of up to 0.01"
    parts = [json.loads((folder / "result.json").read_text())["batch_parts"] for folder in (alone, run)]
    assert parts == [[5], [3, 2]]


def test_validation_auc_equals_that_of_one_process(run: Path) -> None:
    root = run.parent.parent
    data = datamodule_of(composed("train", [*OVERRIDES, f"root={root}"], store_defaults))
    network = OwnFLoc.load_from_checkpoint(run / "best.ckpt", weights_only=True)
    alone = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    (found,) = alone.validate(network, data.val_dataloader(), verbose=False)
    result = json.loads((run / "result.json").read_text())
    assert 0 < result["val_auc"] < 1
    assert result["val_auc"] == found["val_auc"]


def test_every_window_of_the_test_split_is_scored_once(run: Path) -> None:
    data = datamodule_of(composed("train", [*OVERRIDES, f"root={run.parent.parent}"], store_defaults))
    windows = pd.read_parquet(run / "windows.parquet")
    assert len(windows) == len(data.evaluation_plan(Split.TEST))
    table = pd.read_parquet(run / "lesions.parquet")
    assert (table["n_windows"] == 3).all()
    reported = json.loads((run / "result.json").read_text())["test_auc"]
    assert reported == float(np.float32(auc(table["malignant"], table["score"])))


@pytest.mark.faults
def test_an_epoch_that_a_signal_to_one_process_interrupts_has_the_metrics_of_an_undisturbed_one(
    run: Path, tmp_path: Path
) -> None:
    shutil.copytree(run.parent.parent / "store", tmp_path / "store")
    interrupted = trained_by_two("tests.training.interrupted_processes", tmp_path)
    assert interrupted.returncode == 143, interrupted.stderr
    assert "interrupted; the same command goes on from here" in interrupted.stdout
    (folder,) = tmp_path.glob("runs/*")
    state = torch.load(folder / "last.ckpt", weights_only=True)
    assert (state["epoch"], state["global_step"]) == (1, 8), "after the third step of five of the second epoch"
    resumed = trained_by_two("mammo", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    found = RunContent(folder).differences(RunContent(run))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("batch_size=1", r"^batch_size=1 is smaller than the number of processes, 2 .*: give batch_size=2 or more"),
        ("trainer.sync_batchnorm=true", r"^trainer\.sync_batchnorm=true: .* on GPUs only: leave it out, or give"),
    ],
)
def test_what_several_processes_cannot_do_is_rejected_before_any_starts(
    word: str, message: str, small_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "store").symlink_to(small_root / "store")
    words = [*OVERRIDES, word, "trainer.devices=2", "trainer.strategy=ddp", f"root={tmp_path}"]
    with pytest.raises(MammoError, match=message):
        train(composed("train", words, store_defaults))
