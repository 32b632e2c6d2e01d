"""A sweep's runs on an offline dashboard, read back: one run a job, every key, and nobody's identifiers."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mammo.store.manifest import Manifest
from mammo.train import main

WORDS = (
    "--multirun",
    "experiment=lr_search",
    "model=floc",
    "backbone=small",
    "trial=0,1",
    "group=figure6",
    "logger=wandb",
    "trainer=cpu",
    "trainer.max_epochs=2",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 3, test: 3}",
    "batch_size=10",
)
EPOCH_KEYS = {
    *(f"train_loss_{name}" for name in ("malignant", "benign", "outside", "negative")),
    *("train_loss", "lr", "patches_per_s", "data_wait", "val_auc"),
    *(f"val_tnr_at_fnr_{fnr}" for fnr in ("0.01", "0.02", "0.05")),
}
END_KEYS = {"test_auc", "test_tnr_at_fnr_0.02", "roc_table", "tnr_fnr_table", "confusion_table", "lesions"}


@pytest.fixture(scope="module")
def root(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a sweep of two f_loc."""
    root = tmp_path_factory.mktemp("dashboards")
    shutil.copytree(small_root / "store", root / "store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["train", *WORDS, f"root={root}"])
        main()
    return root


def records(folder: Path) -> list[dict[str, Any]]:
    """Every record of an offline run, by wandb's own reader."""
    words = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(folder)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in told.splitlines()]


def test_every_job_is_a_run_of_its_own_with_group_and_tags(root: Path) -> None:
    folders = sorted(root.glob("figure6/*/wandb/offline-run-*"))
    assert len(folders) == 2
    for trial, folder in enumerate(folders):
        log = records(folder)
        (run,) = [record["run"] for record in log if record["type"] == "run"]
        assert run["run_group"] == "figure6"
        assert set(run["tags"]) == {"backbone=preact_resnet", "init=he", "seed=0", f"trial={trial}"}
        assert run["display_name"] == f"floc-preact_resnet-s0-t{trial}"
        assert [record["exit"]["exit_code"] for record in log if record["type"] == "exit"] == [0]


def test_every_key_is_there_and_the_numbers_are_the_runs_own(root: Path) -> None:
    for folder in root.glob("figure6/*/wandb/offline-run-*"):
        run = folder.parent.parent
        history = [record["history"]["item"] for record in records(folder) if record["type"] == "history"]
        keys = {key.split(".")[0] if "_table" in key or "lesions" in key else key for item in history for key in item}
        assert keys >= EPOCH_KEYS | END_KEYS
        assert sum("val_auc" in item for item in history) == 2
        assert len(json.loads(next(folder.glob("files/media/table/confusion*")).read_text())["data"]) == 16
        (tested,) = [item["test_auc"] for item in history if "test_auc" in item]
        assert tested == json.loads((run / "result.json").read_text())["test_auc"]
        with next(run.glob("metrics/*/metrics.csv")).open() as file:
            assert set(csv.DictReader(file).fieldnames or []) >= EPOCH_KEYS | {"test_auc"}


def test_lesions_come_with_their_windows_as_pictures(root: Path) -> None:
    run = next(iter(sorted(root.glob("figure6/*"))))
    table = json.loads(next(run.glob("wandb/offline-run-*/files/media/table/lesions*")).read_text())
    assert table["columns"][:4] == ["lesion", "label", "view", "score"]
    errors = [row[3] if row[1] == "benign" else 1 - row[3] for row in table["data"]]
    assert errors == sorted(errors, reverse=True)
    for row in table["data"]:
        (worst, best) = (row[6], row[8]) if row[1] == "benign" else (1 - row[6], 1 - row[8])
        assert worst >= best
    staged = [path for path in run.glob("wandb/artifacts/staging/*") if path.read_bytes().startswith(b"\x89PNG")]
    assert len(staged) >= len(table["data"])


def test_no_identifier_is_logged(root: Path) -> None:
    manifest = Manifest.load(root / "store")
    ids = {*manifest.images.index, *manifest.lesions.index, *manifest.images["patient_id"], *manifest.images["exam_id"]}
    written = [path.read_bytes() for path in root.glob("figure6/*/wandb/**/*") if path.is_file()]
    assert len(written) > 10
    for secret in (*ids, str(root / "store"), "dicom"):
        assert not any(secret.encode() in content for content in written), secret
