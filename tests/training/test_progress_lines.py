"""Lines and bars of a training: what they say, and that no silence is longer than 30 s."""

import warnings
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from mammo.train import NOISE
from mammo.training import progress_lines
from mammo.training.progress_lines import EpochBar, EpochProgress, end_lines
from mammo.training.results import read_run
from tests.clock import Clock
from tests.training.test_run_dir import done


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress_lines, "time", clock)
    return clock


@pytest.fixture
def trainer() -> Any:
    facts = {"num_training_batches": 10, "num_val_batches": [4], "max_epochs": 4, "precision": "32-true"}
    best = ModelCheckpoint(monitor="val_auc")  # as a trainer, it has the score of the last epoch after the lines only
    return SimpleNamespace(current_epoch=0, is_global_zero=True, callback_metrics={}, checkpoint_callback=best, **facts)


class SlowNet(pl.LightningModule):
    """A network each of whose batches takes some seconds of the test's clock."""

    def __init__(self, clock: Clock, seconds: Mapping[str, float]) -> None:
        super().__init__()
        self.layer, self.clock, self.seconds = torch.nn.Linear(1, 1), clock, seconds

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        self.clock.now += self.seconds["train"]
        return self.layer(batch).square().mean()

    def validation_step(self, batch: torch.Tensor, _: int) -> None:
        self.clock.now += self.seconds["val"]
        self.log("val_auc", torch.tensor(0.75))

    def test_step(self, batch: torch.Tensor, number: int) -> None:
        self.clock.now += self.seconds["test"]

    def predict_step(self, batch: torch.Tensor, _: int) -> None:
        self.clock.now += self.seconds["test"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


@pytest.mark.parametrize("seconds", [{"train": 9.9, "val": 0.1, "test": 9.0}, {"train": 1.0, "val": 9.0, "test": 3.0}])
def test_no_silence_is_longer_than_thirty_seconds_in_any_part_of_a_run(
    clock: Clock, seconds: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[tuple[float, str]] = []
    monkeypatch.setattr("builtins.print", lambda *words, **_: lines.append((clock.now, str(words[0]))))
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    own = {**quiet, "enable_checkpointing": False, "callbacks": [EpochProgress("floc-s0")]}
    trainer = pl.Trainer(accelerator="cpu", max_epochs=2, num_sanity_val_steps=0, **own)  # type: ignore[arg-type]
    batches = DataLoader(torch.ones(30, 1))  # type: ignore[var-annotated,arg-type]
    network = SlowNet(clock, seconds)
    trainer.fit(network, batches, batches)
    trainer.test(network, batches, verbose=False)
    trainer.predict(network, batches)
    times = [1000.0, *(at for at, text in lines if text.startswith("floc-s0")), clock.now]
    assert max(after - before for before, after in pairwise(times)) <= 30
    said = "\n".join(text for _, text in lines)
    if seconds["train"] > 9:
        assert "floc-s0: epoch 1/2, step 3/30, loss " in said
        assert "at most 564 s left" in said  # 57 of 60 batches
        assert "floc-s0: test, batch " in said
        assert "floc-s0: scores of validation, batch " in said
    else:
        assert "floc-s0: validation, batch " in said


def test_lines_have_epoch_metric_best_and_time_left(
    trainer: Any, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress, network = EpochProgress("floc-small-s0"), torch.nn.Linear(9, 10)
    progress.on_train_start(trainer, network)  # type: ignore[arg-type]
    for epoch, auc in enumerate((0.7, 0.6)):
        trainer.current_epoch = epoch
        for step in range(10):
            clock.now += 3
            progress.on_train_batch_end(trainer, network, {"loss": torch.tensor(0.5)}, None, step)  # type: ignore[arg-type]
        trainer.callback_metrics = {"val_auc": torch.tensor(auc)}
        progress.on_train_epoch_end(trainer, network)  # type: ignore[arg-type]
        trainer.checkpoint_callback.best_model_score = torch.tensor(0.7)
    assert capsys.readouterr().out.splitlines() == [
        "floc-small-s0: 100 weights, 32-true, epoch 0 onwards",
        "floc-small-s0: epoch 1/4, step 7/10, loss 0.5000, at most 99 s left",
        "floc-small-s0: epoch 1/4, val AUC 0.700, best 0.700, at most 90 s left",
        "floc-small-s0: epoch 2/4, step 7/10, loss 0.5000, at most 69 s left",
        "floc-small-s0: epoch 2/4, val AUC 0.600, best 0.700, at most 60 s left",
    ]


def test_a_resumed_run_counts_only_its_own_time_and_knows_the_best_before(
    trainer: Any, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress, network = EpochProgress("context-s1"), torch.nn.Linear(1, 1)
    trainer.current_epoch = 2
    trainer.checkpoint_callback.best_model_score = torch.tensor(0.8)
    progress.on_train_start(trainer, network)  # type: ignore[arg-type]
    for step in (6, 7):  # the epoch's first batches were trained before the interruption
        clock.now += 10
        progress.on_train_batch_end(trainer, network, torch.tensor(0.5), None, step)  # type: ignore[arg-type]
    trainer.callback_metrics = {"val_auc": torch.tensor(0.7)}
    progress.on_train_epoch_end(trainer, network)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert "epoch 3/4, step 8/10, loss 0.5000, at most 120 s left" in out
    assert "epoch 3/4, val AUC 0.700, best 0.800" in out, "the best of the epochs before the interruption"


@pytest.mark.parametrize("max_epochs", [-1, None])
def test_a_training_without_a_last_epoch_has_no_known_end(
    max_epochs: int | None, trainer: Any, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer.max_epochs = max_epochs
    EpochProgress("x").on_train_epoch_end(trainer, torch.nn.Linear(1, 1))  # type: ignore[arg-type]
    assert "time left unknown" in capsys.readouterr().out


def test_an_undefined_metric_is_not_the_best(trainer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    progress, bar, network = EpochProgress("x"), EpochBar(), torch.nn.Linear(1, 1)
    for auc in (float("nan"), 0.6, 0.5):
        trainer.callback_metrics = {"val_auc": torch.tensor(auc)}
        progress.on_train_epoch_end(trainer, network)  # type: ignore[arg-type]
        shown = bar.get_metrics(trainer, network)  # type: ignore[arg-type]
        trainer.checkpoint_callback.best_model_score = None if auc != auc else torch.tensor(0.6)
    assert capsys.readouterr().out.count("best 0.600") == 2
    assert shown["best"] == "0.600"


def test_an_epoch_without_an_auc_has_the_word_undefined(trainer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trainer.callback_metrics = {"val_auc": torch.tensor(float("nan"))}
    EpochProgress("x").on_train_epoch_end(trainer, torch.nn.Linear(1, 1))  # type: ignore[arg-type]
    assert "val AUC undefined, best undefined," in capsys.readouterr().out


def test_a_bar_has_loss_auc_best_and_time_left(trainer: Any, clock: Clock) -> None:
    bar, network = EpochBar(), torch.nn.Linear(1, 1)
    assert bar.get_metrics(trainer, network).keys() == {"time"}, "nothing is known yet"  # type: ignore[arg-type]
    clock.now += 10
    bar.disable()
    bar.on_train_batch_end(trainer, network, {"loss": torch.tensor(0.25)}, None, 0)  # type: ignore[arg-type]
    trainer.callback_metrics = {"val_auc": torch.tensor(0.7)}
    shown = bar.get_metrics(trainer, network)  # type: ignore[arg-type]
    assert shown == {"loss": "0.2500", "val AUC": "0.700", "best": "0.700", "time": "at most 390 s left"}


def test_other_ranks_are_quiet(trainer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trainer.is_global_zero = False
    EpochProgress("x").on_train_start(trainer, torch.nn.Linear(1, 1))  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_the_last_lines_name_both_aucs_the_folder_and_the_upload(tmp_path: Path) -> None:
    folder = done(tmp_path, "floc-a", "floc", 0.7)
    run = read_run(folder)
    assert end_lines(run, "done", True) == [f"a: done, val AUC 0.700, test AUC undefined, in {folder}"]
    assert end_lines(run, "done", False) == [f"a: done, val AUC 0.700, in {folder}"]
    dashboards = [folder / "wandb" / f"offline-run-{number}" for number in (1, 2)]
    for dashboard in dashboards:
        dashboard.mkdir(parents=True)
    upload = f"the dashboard is offline; this uploads it: wandb sync {dashboards[0]} {dashboards[1]}"
    assert end_lines(run, "already done", False)[1:] == [upload]
    (dashboards[0] / "run-1.wandb.synced").touch()
    assert end_lines(run, "done", False)[1].endswith(f"wandb sync {dashboards[1]}")


def test_the_hint_to_use_slurm_is_silenced_and_other_warnings_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for silenced, n_warnings in ((False, 2), (True, 1)):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            for message in NOISE if silenced else ():
                warnings.filterwarnings("ignore", message=message)
            SLURMEnvironment.detect()
            warnings.warn("something else", stacklevel=1)
        assert len(found) == n_warnings
