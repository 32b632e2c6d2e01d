"""A run keeps the tables that it began with, and reads other runs of the same tables only."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import pytorch_lightning as pl

from mammo.cli import hydra_app
from mammo.records import MammoError, Split
from mammo.store.manifest import Manifest
from mammo.training import fit
from mammo.training.results import read_run
from mammo.training.train_config import store_defaults
from tests.quick_training import QUICK

WORDS = (*QUICK, "windows_per_lesion={val: 3, test: 4}", "batch_size=10")
MODELS = {"floc": ("model=floc", "backbone=small"), "context": ("model=context", "trainer.limit_train_batches=2")}


@pytest.fixture
def root(small_root: Path, tmp_path: Path) -> Path:
    """A root with an image store of its own."""
    shutil.copytree(small_root / "store", tmp_path / "store")
    return tmp_path


def split_again(root: Path) -> None:
    """Exchange the training and the test patients."""
    manifest = Manifest.load(root / "store")
    images = manifest.images.assign(split=manifest.images["split"].replace({"train": "test", "test": "train"}))
    replace(manifest, images=images).save(root / "store")


def train(root: Path, *words: str) -> Path:
    """Train one network; its folder."""
    known = set(root.glob("runs/*"))
    fit.train(hydra_app.composed("train", [f"root={root}", *WORDS, *words], store_defaults))
    (folder,) = set(root.glob("runs/*")) - known
    return folder


@pytest.mark.parametrize("moment", ["before training", "after training"])
@pytest.mark.parametrize("model", list(MODELS))
def test_a_split_during_a_run_changes_none_of_its_splits(
    root: Path, model: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Manifest.load(root / "store")
    method = "fit" if moment == "before training" else "test"
    original = getattr(pl.Trainer, method)

    def disturbed(self: pl.Trainer, *arguments: Any, **options: Any) -> object:
        split_again(root)
        return original(self, *arguments, **options)

    monkeypatch.setattr(pl.Trainer, method, disturbed)
    folder = train(root, *MODELS[model])
    held, now = (manifest.of_split(Split.TEST) for manifest in (before, Manifest.load(root / "store")))
    assert set(held.images.index) != set(now.images.index), "the split was changed"
    name, key = ("lesions", "lesion_id") if model == "floc" else ("images", "image_id")
    tested = set(pd.read_parquet(folder / f"{name}.parquet")[key])
    assert tested == set((held.lesions if model == "floc" else held.images).index)
    assert read_run(folder).store == before.digest()


def test_the_networks_of_another_split_are_read_only_when_they_are_named(root: Path) -> None:
    floc = train(root, *MODELS["floc"])
    split_again(root)
    with pytest.raises(MammoError, match=rf"{floc.name}.*another split.*model\.floc="):
        train(root, "maps=[emb]")
    folder = train(root, "maps=[emb]", f"model.floc={floc}")
    assert read_run(folder).reads["floc"] == f"../{floc.name}"
