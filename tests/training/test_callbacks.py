"""Progress lines: the run, the epoch, the metric, the best so far and the time that is left."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mammo.training import callbacks
from mammo.training.callbacks import EpochProgress


@pytest.fixture
def trainer() -> Any:
    return SimpleNamespace(current_epoch=0, max_epochs=4, precision="32-true", is_global_zero=True, callback_metrics={})


def test_a_line_has_epoch_metric_best_and_time_left(
    trainer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(clock))
    progress, network = EpochProgress("floc-small-s0"), torch.nn.Linear(9, 10)
    progress.on_train_start(trainer, network)  # type: ignore[arg-type]
    for epoch, auc in enumerate((0.7, 0.6)):
        trainer.current_epoch, trainer.callback_metrics = epoch, {"val_auc": torch.tensor(auc)}
        progress.on_train_epoch_end(trainer, network)  # type: ignore[arg-type]
    assert capsys.readouterr().out.splitlines() == [
        "floc-small-s0: 100 weights, 32-true, epoch 0 onwards",
        "floc-small-s0: epoch 1/4, val AUC 0.700, best 0.700, at most 30 s left",
        "floc-small-s0: epoch 2/4, val AUC 0.600, best 0.700, at most 20 s left",
    ]


def test_a_resumed_run_counts_only_its_own_time(
    trainer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 5.0])
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(clock))
    progress, network = EpochProgress("context-s1"), torch.nn.Linear(1, 1)
    trainer.current_epoch = 2
    progress.on_train_start(trainer, network)  # type: ignore[arg-type]
    trainer.callback_metrics = {"val_auc": torch.tensor(0.5)}
    progress.on_train_epoch_end(trainer, network)  # type: ignore[arg-type]
    assert "epoch 3/4, val AUC 0.500, best 0.500, at most 5 s left" in capsys.readouterr().out


def test_an_undefined_metric_is_not_the_best(trainer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    progress, network = EpochProgress("x"), torch.nn.Linear(1, 1)
    for auc in (float("nan"), 0.6):
        trainer.callback_metrics = {"val_auc": torch.tensor(auc)}
        progress.on_train_epoch_end(trainer, network)  # type: ignore[arg-type]
    assert "best 0.600" in capsys.readouterr().out


def test_other_ranks_are_quiet(trainer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    trainer.is_global_zero = False
    EpochProgress("x").on_train_start(trainer, torch.nn.Linear(1, 1))  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
