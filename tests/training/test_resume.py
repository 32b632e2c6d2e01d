"""Interrupted runs resume to the same end and never look finished."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, open_dict
from pytorch_lightning.callbacks import Callback

from mammo.cli.hydra_app import composed
from mammo.training import resume
from mammo.training.fit import train
from mammo.training.progress_lines import EpochProgress
from mammo.training.resume import SubmititSignals, job_callbacks, job_plugins
from mammo.training.train_config import store_defaults

EMA = "pytorch_lightning.callbacks.EMAWeightAveraging"
QUICK = (
    "trainer=cpu",
    "trainer.max_epochs=6",
    "callbacks.early_stopping.patience=1",
    "torch.threads=1",
    "trainer.precision=32-true",
    "quota={malignant: 6, benign: 6, outside: 4, negative: 4}",
    "windows_per_lesion={val: 2, test: 2}",
    "window_epochs=2",
    "batch_size=10",
    "model.lr=1e-9",  # nothing is learned: the second epoch is no better than the first, and patience runs out
    "maps=[loc]",
)


@pytest.fixture
def cfg(small_root: Path, tmp_path: Path) -> DictConfig:
    shutil.copytree(small_root / "store", tmp_path / "store")
    return composed("train", [f"root={tmp_path}", *QUICK], store_defaults)


def epochs(folder: Path) -> int:
    return int(torch.load(folder / "last.ckpt", weights_only=True)["epoch"]) + 1


def test_a_run_that_had_stopped_early_trains_no_further_epoch(cfg: DictConfig) -> None:
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    best, n_epochs = (folder / "best.ckpt").read_bytes(), epochs(folder)
    assert n_epochs < cfg.trainer.max_epochs
    (folder / "result.json").unlink()  # as if it had been killed in its test
    train(cfg)
    assert epochs(folder) == n_epochs
    assert (folder / "best.ckpt").read_bytes() == best
    assert (folder / "result.json").is_file()


def cut(path: Path) -> None:
    os.truncate(path, 1000)


def bent(path: Path) -> None:
    """Change one bit of a weight, which torch reads without an error."""
    content = bytearray(path.read_bytes())
    place = content.index(torch.load(path, weights_only=True)["state_dict"]["conv1.weight"].numpy().tobytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
@pytest.mark.parametrize("damage", [cut, bent, Path.unlink])
def test_a_damaged_checkpoint_starts_the_run_from_zero_to_the_same_end(
    cfg: DictConfig, capsys: pytest.CaptureFixture[str], name: str, damage: Callable[[Path], None]
) -> None:
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    weights = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    (folder / "result.json").unlink()
    damage(folder / name)
    train(cfg)
    assert capsys.readouterr().out.count("epoch 0 onwards") == 2
    again = torch.load(folder / "best.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(weights[name], again[name]) for name in weights)


@pytest.mark.parametrize(("accumulate", "decay"), [(1, None), (2, None), (1, 0.9)])
def test_training_resumes_within_an_epoch_to_the_same_weights(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch, accumulate: int, decay: float | None
) -> None:
    if decay is not None:
        with open_dict(cfg):
            cfg.callbacks.weight_averaging = {"_target_": EMA, "decay": decay}
    cfg.model.lr, cfg.batch_size, cfg.trainer.max_epochs = 1e-2, 3, 3
    cfg.callbacks.early_stopping.patience = 9
    cfg.trainer.accumulate_grad_batches, cfg.test = accumulate, False
    train(cfg)
    (folder,) = Path(cfg.root).glob("runs/*")
    whole = torch.load(folder / "last.ckpt", weights_only=True)
    shutil.rmtree(folder)
    monkeypatch.setattr(resume, "CHECKPOINT_INTERVAL_S", 0.0)
    seen: list[tuple[int, int]] = []

    def killed(_: Callback, trainer: pl.Trainer, network: pl.LightningModule, batch: object, number: int) -> None:
        seen.append((trainer.current_epoch, number))
        if (trainer.current_epoch, number) == (1, 5) and seen.count((1, 5)) == 1:
            raise RuntimeError("killed")

    monkeypatch.setattr(EpochProgress, "on_train_batch_start", killed)
    with pytest.raises(RuntimeError, match="killed"):
        train(cfg)
    n_before = len(seen)
    train(cfg)
    resumed = torch.load(folder / "last.ckpt", weights_only=True)
    assert seen[n_before] == (1, 5 - 5 % accumulate)
    assert resumed["global_step"] == whole["global_step"]
    assert all(torch.equal(value, resumed["state_dict"][name]) for name, value in whole["state_dict"].items())


def test_a_terminated_run_exits_with_an_error_and_can_be_resumed(
    cfg: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        once.setattr(EpochProgress, "on_train_start", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit) as left:
            train(cfg)
    assert left.value.code == 128 + signal.SIGTERM
    (folder,) = Path(cfg.root).glob("runs/*")
    assert not (folder / "result.json").exists()
    train(cfg)
    assert (folder / "result.json").is_file()


class Net(pl.LightningModule):
    """A minimal network that sends SIGTERM to its own process in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        os.kill(os.getpid(), signal.SIGTERM)
        return self.layer(batch).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def test_in_a_submitit_job_sigterm_is_left_to_submitit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    bypassed: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: bypassed.append(number))
    try:
        callbacks: list[Callback] = job_callbacks()
        trainer = pl.Trainer(
            accelerator="cpu",
            max_epochs=2,
            callbacks=callbacks,
            default_root_dir=tmp_path,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Net(), torch.utils.data.DataLoader(torch.zeros(3, 1)))
        assert isinstance(callbacks[0], SubmititSignals)
        assert bypassed == [signal.SIGTERM] * 6
        assert trainer.current_epoch == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_slurms_processes_are_used_without_lightnings_requeueing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert job_plugins() == []
    assert job_callbacks() == []
    monkeypatch.setenv("SLURM_NTASKS", "1")
    monkeypatch.setenv("SLURM_JOB_NAME", "mammo")
    (environment,) = job_plugins()
    assert not environment.auto_requeue
