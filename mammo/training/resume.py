"""Resuming an interrupted training, and starting one from a checkpoint (ckpt_path).

last.ckpt is written after every epoch, and in long epochs every few minutes. The same request resumes from it, whether
it comes from a person, a sweep, or Slurm, which requeues a submitit job in the same folder. Lightning's own requeueing
is switched off.
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

CHECKPOINT_INTERVAL_S = 600.0
"""Time between two checkpoints within an epoch: what an interruption costs at most."""


def last_checkpoint(folder: Path) -> str | None:
    """The run's last.ckpt; None to start from zero, also where it or the best checkpoint that it names is damaged."""
    last = _undamaged(folder / "last.ckpt")
    if last is None:
        return None
    states = [state for state in last.get("callbacks", {}).values() if isinstance(state, dict)]
    has_best = any(state.get("monitor") and state.get("best_model_path") for state in states)
    return None if has_best and _undamaged(folder / "best.ckpt") is None else str(folder / "last.ckpt")


def start_from(checkpoint: Path, network: pl.LightningModule, max_epochs: int) -> str | None:
    """Begin a training from a checkpoint (ckpt_path).

    Args:
        checkpoint: one with a training's state is continued: its weights, optimizer, count of epochs and patience; of
            any other only the weights are loaded.
        network: receives the weights.
        max_epochs: trainer.max_epochs.

    Returns:
        The checkpoint, for the trainer to continue; None if only weights were loaded.

    Raises:
        MammoError: it cannot be read safely, is of another network, or has max_epochs epochs already.
    """
    content = read_weights(checkpoint)
    state, own = content.get("state_dict", {}), network.state_dict()
    misfits = [
        key for key in {*state, *own} if key not in state or key not in own or state[key].shape != own[key].shape
    ]
    if misfits:
        raise MammoError(
            f"ckpt_path={checkpoint} is of another network: {len(misfits)} of its weights do not fit, for example "
            f"{min(misfits)}"
        )
    if "optimizer_states" not in content:
        network.load_state_dict(state)
        return None
    if content["epoch"] + 1 >= max_epochs:
        raise MammoError(
            f"ckpt_path={checkpoint} has trained {content['epoch'] + 1} epochs already: give a larger "
            f"trainer.max_epochs than {max_epochs}"
        )
    return str(checkpoint)


def _undamaged(path: Path) -> dict[str, Any] | None:
    """The content of a checkpoint; None if it is missing or damaged by its checksums, which torch does not verify."""
    try:
        content = read_weights(path)
        with ZipFile(path) as file:
            return content if file.testzip() is None else None
    except (MammoError, BadZipFile):
        return None


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that stays stopped: a run interrupted after its last epoch trains no further epoch."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if patience had run out before the interruption."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class MidEpochCheckpoint(Callback):
    """Writes last.ckpt between batches when the last one is CHECKPOINT_INTERVAL_S old; the loader counts its batches.

    Never while gradients are being accumulated, which a checkpoint does not hold. After an interruption, the epoch's
    mean loss and confusion of classes cover only the batches since.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "last.ckpt"
        self.written = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restart the interval: the end of the last epoch has written a checkpoint."""
        self.written = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        """Write the checkpoint if it is due, on every rank or on none."""
        step, last = trainer.fit_loop.epoch_loop.batch_idx + 1, trainer.num_training_batches
        if step == last or step % trainer.accumulate_grad_batches:
            return
        due = time.monotonic() - self.written >= CHECKPOINT_INTERVAL_S
        if trainer.strategy.reduce_boolean_decision(due, all=False):
            trainer.save_checkpoint(self.file)
            self.written = time.monotonic()


class SubmititSignals(Callback):
    """Leaves SIGTERM to submitit, which waits for the signal that requeues; Lightning would end the job instead."""

    def __init__(self) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the handler that Lightning has just replaced."""
        signal.signal(signal.SIGTERM, self.handler)

    on_test_start = on_train_start


def job_callbacks() -> list[Callback]:
    """Callbacks that a trainer needs inside a submitit job; none elsewhere."""
    return [SubmititSignals()] if "SUBMITIT_EXECUTOR" in os.environ else []


def job_plugins() -> list[SLURMEnvironment]:
    """The plugin that a trainer needs inside a Slurm job: Slurm's processes, without Lightning's requeueing."""
    return [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []
