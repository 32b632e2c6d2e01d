"""Two processes that train together (gloo, CPU) compute the same metrics as one process, to the last bit."""

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

from mammo.cli.hydra_app import composed
from mammo.models.floc import FLoc
from mammo.records import Split
from mammo.scoring.metrics import auc
from mammo.training.build import datamodule_of
from mammo.training.train_config import store_defaults

HERE = Path(__file__).resolve().parents[2]
OVERRIDES = (
    "model=floc",
    "backbone=small",
    "trainer=cpu",
    "trainer.max_epochs=1",
    "trainer.precision=32-true",
    "batch_size=5",
    "eval_batch_size=7",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 5}",  # 21 patches do not divide by two
    "windows_per_lesion={val: 3, test: 3}",
)


@pytest.fixture(scope="module")
def run(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run trained by two processes."""
    root = tmp_path_factory.mktemp("two")
    shutil.copytree(small_root / "store", root / "store")
    command = [
        sys.executable,
        "-m",
        "mammo.train",
        *OVERRIDES,
        "trainer.devices=2",
        "trainer.strategy=ddp",
        f"root={root}",
    ]
    done = subprocess.run(command, cwd=HERE, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 1/1") == 1, "only the first process prints"
    (folder,) = root.glob("runs/*")
    return folder


def test_validation_auc_equals_that_of_one_process(run: Path) -> None:
    root = run.parent.parent
    data = datamodule_of(composed("train", [*OVERRIDES, f"root={root}"], store_defaults))
    network = FLoc.load_from_checkpoint(run / "best.ckpt")
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
