"""How training stops and goes on: one mechanism, whatever stopped it.

last.ckpt is written after every epoch, and in long ones every few minutes. Whoever asks for the same run again goes on
from it: a person, a sweep, or Slurm, which requeues a submitit job in the same folder. Lightning's own requeueing is
switched off.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping

from mammo.models.weight_files import read_weights
from mammo.records import MammoError

SECONDS_AT_STAKE = 600.0
"""Training that an interruption may cost."""


def last_checkpoint(folder: Path) -> str | None:
    """Where training goes on: last.ckpt, or None to start from zero, as where it or the best it knows is damaged."""
    last = _undamaged(folder / "last.ckpt")
    if last is None:
        return None
    watched = [state for state in last.get("callbacks", {}).values() if state.get("monitor")]
    has_best = any(state["best_model_path"] for state in watched)
    return None if has_best and _undamaged(folder / "best.ckpt") is None else str(folder / "last.ckpt")


def _undamaged(path: Path) -> dict[str, Any] | None:
    """What a checkpoint holds, by its checksums, which torch does not look at; None where it is gone or damaged."""
    try:
        content = read_weights(path)
        with ZipFile(path) as file:
            return content if file.testzip() is None else None
    except (MammoError, BadZipFile):
        return None


class Patience(EarlyStopping):
    """Early stopping that stays stopped: a run interrupted after its last epoch does not get one more."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once where patience had run out before the interruption."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class WithinEpoch(Callback):
    """Writes last.ckpt between batches, where the last one is too old; the loader keeps count of the batches given.

    Never amid gradients that are still being summed up, which a checkpoint does not hold. The epoch's own figures,
    its mean loss and its confusion of classes, are of the batches since the interruption.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "last.ckpt"
        self.written = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """The end of the epoch before wrote one."""
        self.written = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Write it, on every rank or on none."""
        step, last = trainer.fit_loop.epoch_loop.batch_idx + 1, trainer.num_training_batches
        if step == last or step % trainer.accumulate_grad_batches:
            return
        due = time.monotonic() - self.written >= SECONDS_AT_STAKE
        if trainer.strategy.reduce_boolean_decision(due, all=False):
            trainer.save_checkpoint(self.file)
            self.written = time.monotonic()


class QueueSignals(Callback):
    """Leaves SIGTERM to submitit, which waits for the signal that requeues; Lightning would end the job instead."""

    def __init__(self) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put back the handler that Lightning has just replaced."""
        signal.signal(signal.SIGTERM, self.handler)

    on_test_start = on_train_start


def queue_callbacks() -> list[Callback]:
    """What a trainer needs inside a submitit job."""
    return [QueueSignals()] if "SUBMITIT_EXECUTOR" in os.environ else []


def queue_plugins() -> list[SLURMEnvironment]:
    """What a trainer needs inside a Slurm job: its processes, without Lightning's requeueing."""
    return [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
