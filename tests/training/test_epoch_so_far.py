"""Means and metrics of an epoch outlast an interruption to the last bit, whatever form they have."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback

from mammo.cli.hydra_app import composed
from mammo.models.weight_files import read_weights
from mammo.training.epoch_so_far import own_states
from mammo.training.fit import train
from mammo.training.progress_lines import EpochProgress
from mammo.training.train_config import store_defaults
from mammo.training.trainer import EpochMetrics
from tests.quick_training import QUICK
from tests.training.run_content import RunContent

STATE = "MidEpochCheckpoint"
WORDS = (
    *("model=floc", "backbone=small", "allow_targets=[tests]", "test=false", "batch_size=4", "trainer.max_epochs=2"),
    *("model._target_=tests.training.own_package.OwnLoggingNet", "windows_per_lesion={val: 3, test: 4}"),
    *("model.loss._target_=tests.training.own_package.OwnLoss", "model.lr=1e-2"),
)
METRICS = {f"train_{name}" for name in ("auc", "brightest", "even", "early", "mean", "sum", "sum_even", "max", "min")}


@pytest.fixture(scope="module")
def cfg(small_root: Path, tmp_path_factory: pytest.TempPathFactory) -> DictConfig:
    root = tmp_path_factory.mktemp("logged")
    shutil.copytree(small_root / "store", root / "store")
    return composed("train", [f"root={root}", *QUICK, *WORDS], store_defaults)


@pytest.fixture(scope="module")
def whole(cfg: DictConfig) -> RunContent:
    """An undisturbed run."""
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    found = RunContent(folder)
    shutil.rmtree(folder)
    return found


@pytest.fixture
def folder(cfg: DictConfig, whole: RunContent, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the same run, interrupted after the third of five steps of the second epoch."""
    shutil.rmtree(Path(cfg.root) / "runs", ignore_errors=True)
    interrupt(cfg, 2, monkeypatch)
    (found,) = Path(cfg.root).glob("runs/*")
    return found


def interrupt(cfg: DictConfig, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train until a step of the second epoch, and end there as by a signal."""

    def interrupted(_: Callback, trainer: pl.Trainer, network: object, batch: object, number: int) -> None:
        if (trainer.current_epoch, number) == (1, step):
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as once:
        once.setattr(EpochProgress, "on_train_batch_start", interrupted)
        with pytest.raises(SystemExit):
            train(cfg)


def test_an_interrupted_epoch_has_the_metrics_of_an_undisturbed_one(
    cfg: DictConfig, whole: RunContent, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds: list[dict[str, float]] = []
    ended = EpochMetrics.on_train_epoch_end

    def logged(own: EpochMetrics, trainer: pl.Trainer, network: pl.LightningModule) -> None:
        ended(own, trainer, network)
        speeds.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    monkeypatch.setattr(EpochMetrics, "on_train_epoch_end", logged)
    train(cfg)
    assert set(whole.metrics.columns) >= METRICS
    assert not RunContent(folder).differences(whole)
    (speed,) = speeds
    assert 0 <= speed["data_wait"] < 1
    assert speed["patches_per_s"] > 1, "of the rest of the epoch, in the time of the rest of the epoch"


def test_an_epoch_that_is_interrupted_again_before_a_metric_goes_on_loses_nothing(
    cfg: DictConfig, whole: RunContent, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(cfg, 3, monkeypatch)  # a step without rows of even steps
    train(cfg)
    assert not RunContent(folder).differences(whole)


def dealt_to_two(state: dict[str, dict[str, Any]]) -> list[dict[str, dict[str, Any]]]:
    """What two processes could have gathered that together have this state."""
    parts: list[dict[str, dict[str, Any]]] = [{}, {}]
    for name, values in state.items():
        for part in parts:
            part[name] = {}
        for key, value in values.items():
            extreme = name.endswith(("train_max", "train_min", "brightest")) and key != "_update_count"
            first, second = (
                (value[:1], value[1:]) if isinstance(value, list) else (value, value if extreme else value * 0)
            )
            parts[0][name][key], parts[1][name][key] = first, second
    return parts


def test_one_process_goes_on_with_what_two_have_gathered(cfg: DictConfig, whole: RunContent, folder: Path) -> None:
    content = read_weights(folder / "last.ckpt")
    (state,) = content["callbacks"][STATE]["processes"]
    parts = dealt_to_two(state)
    assert [len(part["network.train_auc"]["preds"]) for part in parts] == [1, 2]
    content["callbacks"][STATE] = {"processes": parts}
    torch.save(content, folder / "last.ckpt")
    train(cfg)
    assert not RunContent(folder).differences(whole)


@pytest.mark.parametrize(
    "state",
    [
        {"processes": 7},
        {"processes": [{"network.train_auc": 7}]},
        {"processes": [{"network.train_auc": {"preds": [7]}}]},
        {"processes": [{"network.brightest": {"max_value": torch.zeros(2, 3)}}]},
        {"processes": [{"network.train_auc": {"preds": [torch.zeros(2, 3)]}}]},
        {"logged.training_step.train_mean": {"value": torch.zeros(())}},
    ],
)
def test_a_state_that_no_training_has_written_is_left_out(
    cfg: DictConfig, whole: RunContent, folder: Path, state: dict[str, object]
) -> None:
    content = read_weights(folder / "last.ckpt")
    content["callbacks"][STATE] = state
    torch.save(content, folder / "last.ckpt")
    train(cfg)
    (difference,) = RunContent(folder).differences(whole)
    assert difference.startswith("metrics"), "of the interrupted epoch: the weights are the same"


def part(number: float) -> dict[str, dict[str, torch.Tensor]]:
    return {"mean": {"value": torch.tensor(number)}}


def test_each_of_as_many_processes_has_its_own_part() -> None:
    parts = [part(0.1), part(0.2), part(0.3)]
    assert [own_states(parts, rank, 3) for rank in range(3)] == [[each] for each in parts]


@pytest.mark.parametrize("n_processes", [1, 2, 4])
def test_the_first_of_another_number_of_processes_has_all_parts(n_processes: int) -> None:
    parts = [part(0.1), part(0.2), part(0.3)]
    others = [own_states(parts, rank, n_processes) for rank in range(1, n_processes)]
    assert own_states(parts, 0, n_processes) == parts
    assert not any(others)
