"""How training stops and goes on: one mechanism, whatever stopped it.

last.ckpt is written after every epoch, and whoever asks for the same run again goes on from it: a person, a sweep, or
Slurm, which requeues a submitit job in the same folder. Lightning's own requeueing is switched off.
"""

import os
import signal
from pathlib import Path

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping

from mammo.models.weight_files import read_weights
from mammo.records import MammoError


def last_checkpoint(folder: Path) -> str | None:
    """Where training goes on: last.ckpt, or None to start from zero, as where a file cannot be read."""
    path = folder / "last.ckpt"
    try:
        read_weights(path)
    except MammoError:
        return None
    return str(path)


class Patience(EarlyStopping):
    """Early stopping that stays stopped: a run interrupted after its last epoch does not get one more."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once where patience had run out before the interruption."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


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
