"""Progress of a training: lines in a log, or bars on a terminal.

Without a terminal there is a line after every epoch, and one at least every 30 s, in training, validation, test and
prediction alike, as long as no batch takes more than 10 s.
"""

import time
from collections.abc import Mapping, Sequence

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, RichProgressBar
from torch import Tensor

from mammo.scoring.number_text import UNDEFINED, number_text
from mammo.text import print_text
from mammo.training.results import Run
from mammo.training.wandb_logging import sync_command

LINE_EVERY_S = 20.0
"""Seconds after which the end of a batch prints a line."""

BAR_EVERY_S = 0.5
"""Seconds from one loss on the bar to the next: reading it waits for the GPU."""


class TimeLeft:
    """Estimates the time that is left of a training, from the batches that this process has trained."""

    def __init__(self) -> None:
        self.started, self.n_batches = time.monotonic(), 0

    def text(self, trainer: pl.Trainer, n_epochs: float) -> str:
        """The longest time that is left after this number of epochs, as in "at most 20 s left"."""
        if not trainer.max_epochs or trainer.max_epochs < 0:
            return "time left unknown"
        per_batch = (time.monotonic() - self.started) / max(self.n_batches, 1)
        n_left = max(trainer.max_epochs - n_epochs, 0) * trainer.num_training_batches
        return f"at most {per_batch * n_left:.0f} s left"


class EpochProgress(Callback):
    """Prints a line when training starts, one after every epoch, and one every LINE_EVERY_S seconds between.

    Args:
        name: the run's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.time_left = TimeLeft()
        self.printed = self.evaluation_started = time.monotonic()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the network's size, the precision and the first epoch."""
        self.time_left = TimeLeft()
        n_weights = sum(weight.numel() for weight in pl_module.parameters())
        self._print(trainer, f"{n_weights:,} weights, {trainer.precision}, epoch {trainer.current_epoch} onwards")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Print step, loss and the longest time that is left, if a line is due."""
        self.time_left.n_batches += 1
        if self._is_due():
            step, n_steps = batch_idx + 1, int(trainer.num_training_batches)
            text = f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}, step {step}/{n_steps}"
            left = self.time_left.text(trainer, trainer.current_epoch + step / n_steps)
            self._print(trainer, f"{text}, loss {number_text(_loss(outputs), 4)}, {left}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's validation AUC, the best so far, and the longest time that is left."""
        value = _auc(trainer)
        done = trainer.current_epoch + 1
        text = f"epoch {done}/{trainer.max_epochs}, val AUC {number_text(value)}, best {number_text(_best(trainer))}"
        self._print(trainer, f"{text}, {self.time_left.text(trainer, done)}")

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: object, outputs: object, batch: object, batch_idx: int, _: int = 0
    ) -> None:
        """Print the batch of the validation, if a line is due."""
        self._evaluated(trainer, "validation", batch_idx, trainer.num_val_batches)

    def on_test_batch_end(
        self, trainer: pl.Trainer, pl_module: object, outputs: object, batch: object, batch_idx: int, _: int = 0
    ) -> None:
        """Print the batch of the test, if a line is due."""
        self._evaluated(trainer, "test", batch_idx, trainer.num_test_batches)

    def on_predict_batch_end(
        self, trainer: pl.Trainer, pl_module: object, outputs: object, batch: object, batch_idx: int, _: int = 0
    ) -> None:
        """Print the batch of the scoring of the validation split, if a line is due."""
        self._evaluated(trainer, "scores of validation", batch_idx, trainer.num_predict_batches)

    def _evaluated(self, trainer: pl.Trainer, what: str, batch_idx: int, n_batches: Sequence[int | float]) -> None:
        if batch_idx == 0:
            self.evaluation_started = time.monotonic()
        if self._is_due():
            step, n_steps = batch_idx + 1, int(sum(n_batches))
            text = f"{what}, batch {step}/{n_steps}"
            if batch_idx:  # timed from the end of the first batch
                left = (time.monotonic() - self.evaluation_started) / batch_idx * (n_steps - step)
                text += f", {left:.0f} s left"
            self._print(trainer, text)

    def _is_due(self) -> bool:
        return time.monotonic() - self.printed >= LINE_EVERY_S

    def _print(self, trainer: pl.Trainer, text: str) -> None:
        self.printed = time.monotonic()
        if trainer.is_global_zero:
            print_text(f"{self.name}: {text}")


class EpochBar(RichProgressBar):
    """A bar for each epoch, with the loss, the validation AUC, the best so far, and the longest time that is left."""

    def __init__(self) -> None:
        super().__init__()
        self.time_left = TimeLeft()
        self.loss = float("nan")
        self.read = float("-inf")
        self.n_epochs = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock and the bar."""
        self.time_left = TimeLeft()
        super().on_train_start(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Read the loss from time to time, and advance the bar."""
        self.time_left.n_batches += 1
        self.n_epochs = trainer.current_epoch + (batch_idx + 1) / trainer.num_training_batches
        if time.monotonic() - self.read >= BAR_EVERY_S:
            self.loss, self.read = _loss(outputs), time.monotonic()
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)  # type: ignore[arg-type]

    def get_metrics(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The values beside the bar; those that are not known yet are left out."""
        numbers = {
            "loss": number_text(self.loss, 4),
            "val AUC": number_text(_auc(trainer)),
            "best": number_text(_best(trainer)),
        }
        known: dict[str, int | str | float | dict[str, float]] = {
            name: text for name, text in numbers.items() if text != UNDEFINED
        }
        return known | {"time": self.time_left.text(trainer, self.n_epochs)}


def end_lines(run: Run, state: str, is_tested: bool) -> list[str]:
    """The last lines of a training: AUCs and folder, and the command that uploads an offline dashboard, if it has one.

    Args:
        run: the finished run.
        state: "done" or "already done".
        is_tested: whether the run has a test (the key test).
    """
    aucs = {"val": run.val_auc, **({"test": run.test_auc} if is_tested else {})}
    shown = [f"{split} AUC {number_text(auc)}" for split, auc in aucs.items()]
    upload = sync_command(run.folder)
    lines = [f"{run.name}: {state}, {', '.join(shown)}, in {run.folder}"]
    return lines + ([f"the dashboard is offline; this uploads it: {upload}"] if upload else [])


def _loss(outputs: object) -> float:
    """The loss of a training step, from what the step returned; NaN if there is none."""
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    return float(loss) if isinstance(loss, Tensor) else float("nan")


def _auc(trainer: pl.Trainer) -> float:
    return float(trainer.callback_metrics.get("val_auc", float("nan")))


def _best(trainer: pl.Trainer) -> float:
    """The best validation AUC so far, also of the epochs before an interruption; NaN if none is defined."""
    checkpoint = trainer.checkpoint_callback  # the first one, that of the best
    before = checkpoint.best_model_score if isinstance(checkpoint, ModelCheckpoint) else None
    values = (_auc(trainer), float("nan") if before is None else float(before))
    return max((value for value in values if value == value), default=float("nan"))
