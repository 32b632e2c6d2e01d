"""Resuming an interrupted training, and starting one from a checkpoint (ckpt_path).

last.ckpt is written after every epoch, and in long epochs every few minutes. The same request resumes from it, whether
it comes from a person, a sweep, or Slurm, which requeues a submitit job in the same folder. Lightning's own requeueing
is switched off.
"""

import signal
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.trainer.states import TrainerFn

from mammo.io import did_you_mean_path
from mammo.machine import submitit_executor
from mammo.models.weight_files import read_weights, weights_of
from mammo.records import MammoError
from mammo.training.checkpoints import LAST, holds_training
from mammo.training.epoch_so_far import States, add_rest, epoch_so_far, own_states, set_sums
from mammo.training.results import read_run
from mammo.training.run_dir import Division
from mammo.training.run_files import file_digest, verified
from mammo.training.steps import Interruption

CHECKPOINT_INTERVAL_S = 600.0
"""Time between two checkpoints within an epoch: what an interruption costs at most."""


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
    state, own = weights_of(content, checkpoint), network.state_dict()
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
    if not holds_training(content):
        raise MammoError(
            f"ckpt_path={checkpoint} has no state of a training, although it has one of an optimizer: give last.ckpt "
            "or best.ckpt of a run, or a file with the weights only"
        )
    if content["epoch"] + 1 >= max_epochs:
        raise MammoError(
            f"ckpt_path={checkpoint} has trained {content['epoch'] + 1} epochs already: give a larger "
            f"trainer.max_epochs than {max_epochs}"
        )
    return str(checkpoint)


class ResumableEarlyStopping(EarlyStopping):
    """Early stopping that stays stopped: a run interrupted after its last epoch trains no further epoch."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once if patience had run out before the interruption."""
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


class MidEpochCheckpoint(Callback):
    """Writes last.ckpt between batches when the last one is CHECKPOINT_INTERVAL_S old, or a signal asks to end.

    Never while gradients are being accumulated, which a checkpoint does not hold, and not right before a validation,
    after which there is a checkpoint anyway (RunCheckpoint). The loader counts its batches, and
    the checkpoint holds the means and metrics of the epoch so far, so that an interruption changes neither.

    Args:
        folder: the run folder.
        interruption: ends the training once its state is saved.
    """

    def __init__(self, folder: Path, interruption: Interruption) -> None:
        self.file, self.interruption = folder / LAST, interruption
        self.written = time.monotonic()
        self.so_far: list[States] = []
        self.saved: object = None
        self.resumed: list[States] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up the metrics of an epoch that was interrupted."""
        states = own_states(self.saved, trainer.global_rank, trainer.world_size)
        self.resumed = set_sums(pl_module, states)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restart the interval: the end of the last epoch has written a checkpoint."""
        self.written = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        """Write the checkpoint if it is due, on every rank or on none."""
        if any(self.resumed):
            self.resumed = add_rest(trainer, pl_module, self.resumed)
        self.so_far = []
        step, last = trainer.fit_loop.epoch_loop.batch_idx + 1, trainer.num_training_batches
        if step == last or step % trainer.accumulate_grad_batches or _validates_next(trainer):
            return
        due = self.interruption.signum != 0 or time.monotonic() - self.written >= CHECKPOINT_INTERVAL_S
        if trainer.strategy.reduce_boolean_decision(due, all=False):
            self.so_far = epoch_so_far(trainer, pl_module, self.resumed)
            trainer.save_checkpoint(self.file)
            self.written = time.monotonic()
            self.interruption.end_if_asked(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take up what has waited, before the network computes its metrics."""
        if any(self.resumed):
            add_rest(trainer, pl_module, self.resumed, ends=True)
        self.resumed = []

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Gather the means and metrics for the checkpoint of a validation within an epoch (val_check_interval)."""
        loop = trainer.fit_loop.epoch_loop
        if trainer.state.fn == TrainerFn.FITTING and not loop.batch_progress.is_last_batch:
            self.so_far = epoch_so_far(trainer, pl_module, self.resumed)

    def state_dict(self) -> dict[str, Any]:
        """The means and metrics of an epoch that is not yet at its end, of each process."""
        return {"processes": self.so_far} if self.so_far else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep them until the epoch goes on."""
        self.saved = state_dict.get("processes")


def _validates_next(trainer: pl.Trainer) -> bool:
    """Whether a validation follows this step, which Lightning would leave out when it goes on from this step."""
    loop = trainer.fit_loop
    return loop._data_fetcher is not None and loop.epoch_loop._should_check_val_fx(loop._data_fetcher)


class SubmititSignals(Callback):
    """Leaves SIGTERM to submitit, which waits for the signal that requeues; Lightning would end the job instead."""

    def __init__(self) -> None:
        self.handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restore the handler that Lightning has just replaced."""
        signal.signal(signal.SIGTERM, self.handler)

    on_test_start = on_train_start


def own_signals() -> tuple[int, ...]:
    """The signals at which a training saves its state and ends; inside a submitit job, SIGTERM is submitit's."""
    return (signal.SIGINT,) if submitit_executor() else (signal.SIGTERM, signal.SIGINT)


def job_callbacks() -> list[Callback]:
    """Callbacks that a trainer needs inside a submitit job; none elsewhere."""
    return [SubmititSignals()] if submitit_executor() else []


def start_digest(key: str, checkpoint: Path, fold: int | None, store: str) -> str:
    """SHA-256, as hex, of a checkpoint that a run starts from.

    Args:
        key: the key of the configuration that names it.
        checkpoint: the file.
        fold: of the run; None without folds.
        store: digest of the store with its folds.

    Raises:
        MammoError: it does not exist, differs from what its run wrote, or is of a finished run of another fold.
    """
    if not checkpoint.is_file():
        raise MammoError(f"{key}={checkpoint}: no such file{did_you_mean_path(checkpoint)}")
    is_of_run = (checkpoint.parent / "result.json").is_file()
    if fold is not None and is_of_run and not Division(fold, store).is_of(start := read_run(checkpoint.parent)):
        raise MammoError(
            f"{key}={checkpoint} is of a run of fold={start.fold}, which may have been trained on test patients of "
            f"fold={fold}: start from a run of the same fold"
        )
    return file_digest(verified(checkpoint))
