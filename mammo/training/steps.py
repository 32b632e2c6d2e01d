"""Callbacks that act in every training step: random numbers by step, gradients that stay finite, and a timely end."""

import signal
import threading
from types import FrameType

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch.nn.utils import get_total_norm

from mammo.cli.commands import stop
from mammo.data.loader import Loader
from mammo.records import Batch, MammoError
from mammo.text import print_text


class SeededSteps(Callback):
    """Makes the random numbers of a step, as of dropout, a function of the seed, the epoch and the step alone.

    An interrupted training goes on with the numbers that an undisturbed one would have drawn.

    Args:
        seed: the training seed.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Seed torch before a batch, whose columns are [B, ...]; each process draws numbers of its own."""
        key = (self.seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))


class FiniteSteps(Callback):
    """Ends a training at the first gradient that is NaN or infinite, before the step changes a weight."""

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Check the norm of all gradients.

        Raises:
            MammoError: it is not finite. With a gradient scaler (float16) that is normal: it skips the step.
        """
        if getattr(trainer.precision_plugin, "scaler", None) is not None:
            return
        gradients = [weight.grad for weight in pl_module.parameters() if weight.grad is not None]
        if gradients and not bool(torch.isfinite(get_total_norm(gradients))):
            step = trainer.fit_loop.epoch_loop.batch_idx
            raise MammoError(
                f"the loss or its gradient is NaN or infinite in epoch {trainer.current_epoch + 1}, step {step + 1}"
                f"{_samples(trainer, step)}: the step is not done, and the state before it is kept; lower model.lr, or "
                "give trainer.precision=32-true or trainer.gradient_clip_val"
            )


def _samples(trainer: pl.Trainer, step: int) -> str:
    """The images of a training batch, for a message."""
    loader = trainer.train_dataloader
    if not isinstance(loader, Loader):
        return ""
    return f", {loader.named(step)}"


class Interruption(Callback):
    """Ends a training at SIGTERM or Ctrl-C: with its state saved within a step or after a validation.

    A second signal ends it at once, and so does the first one outside of training, where nothing is to be saved. The
    exit status is 128 and the number of the signal. submitit, which requeues its jobs, keeps its own handlers.

    Args:
        name: of the run.
        signals: the signals to handle (resume.own_signals).

    Attributes:
        signum: the signal that came; 0 before.
    """

    def __init__(self, name: str, signals: tuple[int, ...]) -> None:
        self.name, self.signals = name, signals
        self.signum, self.is_training = 0, False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Replace the handlers that Lightning has just set; it restores the former ones at the end."""
        self.is_training = True
        self._install()

    def on_test_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As in training."""
        self.is_training = False
        self._install()

    on_predict_start = on_test_start

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """End if a signal came after the last epoch's last step: its checkpoint is written by now."""
        self.end_if_asked(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """As before an epoch."""
        self.is_training = False
        self.end_if_asked(trainer)

    def end_if_asked(self, trainer: pl.Trainer) -> None:
        """End with the status of the signal, if one came in any of the processes, which must call this together.

        The state must be saved by now.
        """
        if trainer.strategy.reduce_boolean_decision(self.signum != 0, all=False):
            if trainer.is_global_zero:
                print_text(f"{self.name}: interrupted; the same command goes on from here")
            raise SystemExit(128 + (self.signum or signal.SIGTERM))

    def _install(self) -> None:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python sets no handlers
            for signum in self.signals:
                signal.signal(signum, self._receive)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        if self.signum or not self.is_training:
            stop(signum, frame)
        self.signum = signum
        again = "; again: at once, without what is unsaved" if signum == signal.SIGINT else ""
        print_text(f"\n{self.name}: ends when its state is saved, within a step or after a validation{again}")
