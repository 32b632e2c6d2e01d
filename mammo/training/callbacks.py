"""What every epoch of training logs beside loss and AUC: losses by class, learning rate, speed, waiting for data."""

import time

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Batch, PatchClass


class EpochMetrics(Callback):
    """Logs train_loss_<class>, lr, patches_per_s (images_per_s) and data_wait, the share of time spent on reading."""

    def __init__(self) -> None:
        self.started = self.mark = self.waited = 0.0
        self.n_rows = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to count."""
        self.started = self.mark = time.perf_counter()
        self.waited, self.n_rows = 0.0, 0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, _: int) -> None:
        """All since the last batch's end was waiting for this one."""
        self.waited += time.perf_counter() - self.mark

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, _: int
    ) -> None:
        """Count the batch."""
        self.n_rows += len(batch["target"]) * trainer.world_size
        self.mark = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch; validation, which lies within it, counts for nothing."""
        elapsed = max(self.mark - self.started, 1e-9)
        metrics = {"lr": trainer.optimizers[0].param_groups[0]["lr"], "data_wait": self.waited / elapsed}
        if isinstance(pl_module, PatchClassifier):
            loss = zip(PatchClass, pl_module.class_stats.compute().loss.tolist(), strict=True)
            metrics |= {f"train_loss_{number.name.lower()}": value for number, value in loss if value == value}
        metrics["patches_per_s" if isinstance(pl_module, PatchClassifier) else "images_per_s"] = self.n_rows / elapsed
        pl_module.log_dict(metrics)
