"""Callbacks of every training: metrics that are logged once an epoch, and progress lines."""

import time

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Batch, PatchClass


class EpochMetrics(Callback):
    """Logs train_loss_<class>, lr, patches_per_s (or images_per_s) and data_wait, the share of time spent reading."""

    def __init__(self) -> None:
        self.started = self.mark = self.waited = 0.0
        self.n_rows = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reset the counts."""
        self.started = self.mark = time.perf_counter()
        self.waited, self.n_rows = 0.0, 0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, _: int) -> None:
        """Add the time since the end of the last batch, which was spent waiting for this one."""
        self.waited += time.perf_counter() - self.mark

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, _: int
    ) -> None:
        """Count the batch's rows."""
        self.n_rows += len(batch["target"]) * trainer.world_size
        self.mark = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's metrics; the time of validation, which lies within the epoch, is left out."""
        elapsed = max(self.mark - self.started, 1e-9)
        metrics = {"lr": trainer.optimizers[0].param_groups[0]["lr"], "data_wait": self.waited / elapsed}
        if isinstance(pl_module, PatchClassifier):
            loss = zip(PatchClass, pl_module.class_stats.compute().loss.tolist(), strict=True)
            metrics |= {f"train_loss_{number.name.lower()}": value for number, value in loss if value == value}
        speed = "images_per_s" if getattr(pl_module, "plan", "") == "images" else "patches_per_s"
        pl_module.log_dict(metrics | {speed: self.n_rows / elapsed})


class EpochProgress(Callback):
    """Prints one line when training starts, and one after every epoch.

    Args:
        name: the run's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.best = float("-inf")
        self.started, self.first = 0.0, 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the network's size, the precision and the first epoch."""
        self.started, self.first = time.monotonic(), trainer.current_epoch
        n_weights = sum(weight.numel() for weight in pl_module.parameters())
        self._print(trainer, f"{n_weights:,} weights, {trainer.precision}, epoch {trainer.current_epoch} onwards")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the epoch's validation AUC, the best so far, and the longest time that is left."""
        value = float(trainer.callback_metrics.get("val_auc", float("nan")))
        self.best = max(self.best, value)
        done = trainer.current_epoch + 1
        epochs = f"epoch {done}/{trainer.max_epochs}"
        per_epoch = (time.monotonic() - self.started) / max(done - self.first, 1)
        left = max((trainer.max_epochs or done) - done, 0) * per_epoch
        self._print(trainer, f"{epochs}, val AUC {value:.3f}, best {self.best:.3f}, at most {left:.0f} s left")

    def _print(self, trainer: pl.Trainer, text: str) -> None:
        if trainer.is_global_zero:
            print(f"{self.name}: {text}", flush=True)
