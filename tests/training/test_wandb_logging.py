"""Offline dashboards of every network, read back: one per job, with every key and without identifiers."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo.store.manifest import Manifest
from mammo.train import main

QUICK = (
    "logger=wandb",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 3, test: 3}",
)
SWEEP = (
    *("--multirun", "experiment=lr_search", "trial=0,1", "group=figure6"),
    *("model=floc", "backbone=small", "batch_size=10"),
)
SINGLE = (
    ("group=table3", "maps=[loc]", "batch_size=10"),
    ("group=table3", "model=context", "batch_size=4", "trainer.limit_train_batches=2"),
)
CLASSES = {"floc": ("malignant", "benign", "outside", "negative"), "context": ("malignant", "benign")}
CLASSES["fagg"] = CLASSES["floc"]
EPOCH_KEYS = {
    *("train_loss", "lr", "data_wait", "val_auc"),
    *(f"val_tnr_at_fnr_{fnr}" for fnr in ("0.01", "0.02", "0.05")),
}
END_KEYS = {"test_auc", "test_tnr_at_fnr_0.02", "roc_table", "tnr_fnr_table"}
OF_PATCHES = {"confusion_table", "lesions", "worst window", "best window"}


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a sweep of two f_loc, an f_agg and a context network."""
    root = tmp_path_factory.mktemp("dashboards")
    shutil.copytree(small_root / "store", root / "store")
    for words in (SWEEP, *SINGLE):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["train", *words, *QUICK, f"root={root}"])
            main()
    return root


def records(folder: Path) -> list[dict[str, Any]]:
    """Every record of an offline run, by wandb's own reader."""
    words = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    output = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def test_every_job_has_a_dashboard_with_group_and_tags(root: Path) -> None:
    folders = sorted(root.glob("figure6/*/wandb/offline-run-*"))
    assert len(folders) == 2
    for trial, folder in enumerate(folders):
        log = records(folder)
        (run,) = [record["run"] for record in log if record["type"] == "run"]
        assert run["run_group"] == "figure6"
        assert set(run["tags"]) == {"backbone=preact_resnet", "init=he", "seed=0", f"trial={trial}"}
        assert run["display_name"] == f"floc-preact_resnet-s0-t{trial}"
        assert [record["exit"]["exit_code"] for record in log if record["type"] == "exit"] == [0]


@pytest.mark.parametrize(("model", "n_runs"), [("floc", 2), ("fagg", 1), ("context", 1)])
def test_every_key_is_logged_with_the_values_of_metrics_csv(root: Path, model: str, n_runs: int) -> None:
    folders = list(root.glob(f"*/{model}-*/wandb/offline-run-*"))
    assert len(folders) == n_runs
    speed = "images_per_s" if model == "context" else "patches_per_s"
    epoch_keys = EPOCH_KEYS | {speed} | {f"train_loss_{name}" for name in CLASSES[model]}
    for folder in folders:
        run = folder.parent.parent
        history = [record["history"]["item"] for record in records(folder) if record["type"] == "history"]
        keys = {
            key.split(".")[0] if any(word in key for word in ("_table", "lesions", "window")) else key
            for item in history
            for key in item
        }
        assert keys >= epoch_keys | END_KEYS
        assert (OF_PATCHES & keys) == (set() if model == "context" else OF_PATCHES)
        with next(run.glob("metrics/*/metrics.csv")).open() as file:
            rows = list(csv.DictReader(file))
        for key in (*epoch_keys, "test_auc"):
            assert [item[key] for item in history if key in item] == [float(row[key]) for row in rows if row[key]], key
        (tested,) = [item["test_auc"] for item in history if "test_auc" in item]
        assert tested == json.loads((run / "result.json").read_text())["test_auc"]
        assert sum("val_auc" in item for item in history) == 2


@pytest.mark.parametrize("model", ["floc", "fagg", "context"])
def test_the_curves_area_is_the_test_auc(root: Path, model: str) -> None:
    (run, *_) = sorted(root.glob(f"*/{model}-*"))
    curve = json.loads(next(run.glob("wandb/offline-run-*/files/media/table/roc_table*")).read_text())
    fpr, tpr = np.array(curve["data"]).T
    assert np.trapezoid(tpr, fpr) == pytest.approx(json.loads((run / "result.json").read_text())["test_auc"])


@pytest.mark.parametrize("model", ["floc", "fagg"])
def test_the_confusion_counts_every_patch_of_the_epoch(root: Path, model: str) -> None:
    (run, *_) = sorted(root.glob(f"*/{model}-*"))
    table = json.loads(next(run.glob("wandb/offline-run-*/files/media/table/confusion*")).read_text())
    assert len(table["data"]) == 16
    counts = {name: sum(row[2] for row in table["data"] if row[0] == name) for name in CLASSES[model]}
    assert counts == {"malignant": 6, "benign": 6, "outside": 4, "negative": 4}


def test_lesions_are_logged_with_patches_of_two_windows(root: Path) -> None:
    run = next(iter(sorted(root.glob("figure6/*"))))
    table = json.loads(next(run.glob("wandb/offline-run-*/files/media/table/lesions*")).read_text())
    assert table["columns"][:4] == ["lesion", "label", "view", "score"]
    errors = [row[3] if row[1] == "benign" else 1 - row[3] for row in table["data"]]
    assert errors == sorted(errors, reverse=True)
    for row in table["data"]:
        (worst, best) = row[5:] if row[1] == "benign" else (1 - row[5], 1 - row[6])
        assert worst >= best
    pictures = list(run.glob("wandb/offline-run-*/files/media/images/*window*.png"))
    assert len(pictures) == 2 * len(table["data"])


def test_no_identifier_is_logged(root: Path) -> None:
    manifest = Manifest.load(root / "store")
    ids = {*manifest.images.index, *manifest.lesions.index, *manifest.images["patient_id"], *manifest.images["exam_id"]}
    written = [path.read_bytes() for path in root.glob("*/*/wandb/**/*") if path.is_file()]
    assert len(written) > 20
    for secret in (*ids, str(root), "dicom", sys.executable):
        assert not any(secret.encode() in content for content in written), secret
