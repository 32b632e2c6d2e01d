"""Progress of training, one line an epoch: what is trained, how far, the metric, the best so far, what is left."""

import time

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class EpochLines(Callback):
    """Prints one line after every epoch, and one when training starts.

    Args:
        name: the run's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.best = float("-inf")
        self.started, self.first = 0.0, 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell how large the network is and where training begins."""
        self.started, self.first = time.monotonic(), trainer.current_epoch
        n_weights = sum(weight.numel() for weight in pl_module.parameters())
        self._say(trainer, f"{n_weights:,} weights, {trainer.precision}, epoch {trainer.current_epoch} onwards")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell the epoch's validation AUC, the best one, and the longest that is left."""
        value = float(trainer.callback_metrics.get("val_auc", float("nan")))
        self.best = max(self.best, value)
        done = trainer.current_epoch + 1
        epochs = f"epoch {done}/{trainer.max_epochs}"
        per_epoch = (time.monotonic() - self.started) / max(done - self.first, 1)
        left = max((trainer.max_epochs or done) - done, 0) * per_epoch
        self._say(trainer, f"{epochs}, val AUC {value:.3f}, best {self.best:.3f}, at most {left:.0f} s left")

    def _say(self, trainer: pl.Trainer, text: str) -> None:
        if trainer.is_global_zero:
            print(f"{self.name}: {text}", flush=True)
