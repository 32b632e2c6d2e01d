"""The base class of f_loc and f_agg: training on the four patch classes, evaluation by lesion."""

from typing import Any, ClassVar, Literal, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchmetrics import Metric

from mammo.models.distributed import gather_rows
from mammo.models.lesion_auroc import LesionAUROC, ScoredLesions, WindowPredictions
from mammo.models.losses import without_loss
from mammo.models.precision import adam
from mammo.records import Batch, PatchClass
from mammo.scoring.thresholds import tnr_at_fnr

FNRS = (0.01, 0.02, 0.05)
"""False negative rates at which the true negative rate is logged (three of the paper's Table 2)."""


class PatchClassifier(pl.LightningModule):
    """Trains with a loss on patch classes and Adam; validates and tests by the AUC of the lesion score.

    Args:
        lr: Adam's learning rate.
        loss: called with logits [B, 4] and targets int64 [B]; None for unweighted cross-entropy.
    """

    plan: ClassVar[Literal["patches", "images"]] = "patches"

    def __init__(self, lr: float, loss: nn.Module | None = None) -> None:
        super().__init__()
        self.lr, self.loss = lr, loss or nn.CrossEntropyLoss()
        self.class_stats, self.lesion_auroc = PatchClassStats(), LesionAUROC()
        self.scored: ScoredLesions | None = None
        """Lesions of the last validation or test, with their scores."""

    def batch_logits(self, batch: Batch) -> Tensor:
        """Logits [B, 4] by PatchClass of a batch; a subclass chooses the columns that it reads."""
        logits: Tensor = self(batch)
        return logits

    def on_train_epoch_start(self) -> None:
        """Start the epoch's losses and confusion at zero."""
        self.class_stats.reset()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss, float32 [], of a batch, which has the column target, int64 [B]."""
        logits = self.batch_logits(batch).float()
        loss: Tensor = self.loss(logits, batch["target"])
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(logits))
        self.class_stats.update(logits.detach(), batch["target"])
        return loss

    def validation_step(self, batch: Batch, number: int) -> None:
        """Add a batch of lesion windows to the lesion AUC; columns lesion, repeat and target, int64 [B] each."""
        self.lesion_auroc.update(*self.predict_step(batch, number))

    test_step = validation_step

    def predict_step(self, batch: Batch, _: int) -> WindowPredictions:
        """Logits [B, 4] of a batch of lesion windows, with its columns lesion, repeat and target, int64 [B] each."""
        return WindowPredictions(self.batch_logits(batch).float(), batch["lesion"], batch["repeat"], batch["target"])

    def on_validation_epoch_end(self) -> None:
        """Log the lesion AUC, which selects the epoch, and the TNR at each FNR of FNRS."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test split; `scored` then holds its lesions."""
        self._log_metrics("test")

    def _log_metrics(self, split: str) -> None:
        self.log(f"{split}_auc", float(self.lesion_auroc.compute()), prog_bar=True, rank_zero_only=True)
        self.scored = self.lesion_auroc.lesion_scores()
        malignant, score = self.scored.malignant.numpy(), self.scored.scores.score
        for fnr in FNRS:
            self.log(f"{split}_tnr_at_fnr_{fnr:.2f}", tnr_at_fnr(malignant, score, fnr), rank_zero_only=True)
        self.lesion_auroc.reset()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the weights of a loss that this network does not have: inference needs no loss."""
        if not self.loss.state_dict():
            checkpoint["state_dict"] = without_loss(checkpoint["state_dict"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam (paper, Model training)."""
        return adam(self, self.lr)


class ClassStats(NamedTuple):
    """Losses and confusion of the four patch classes over an epoch."""

    loss: Tensor
    """float64 [4], mean cross-entropy of each class, NaN if it did not occur."""
    confusion: Tensor
    """int64 [4, 4], number of patches by true class (row) and by the class of the largest logit (column)."""


class PatchClassStats(Metric):
    """Loss and confusion of the four patch classes in training.

    The sums stay on the network's device, so that no training step waits for a transfer.
    """

    full_state_update = False

    loss_sum: Tensor
    confusion: Tensor

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=gather_rows)
        n = len(PatchClass)
        self.add_state("loss_sum", torch.zeros(n, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("confusion", torch.zeros(n, n, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, target: Tensor) -> None:
        """Count one batch: logits float [B, 4] by PatchClass, target int64 [B]."""
        n = len(PatchClass)
        each = functional.cross_entropy(logits, target, reduction="none").double()
        losses = torch.zeros(n, dtype=torch.float64, device=each.device).index_add_(0, target, each)
        confused = torch.bincount(target * n + logits.argmax(dim=1), minlength=n * n)
        self.loss_sum, self.confusion = self.loss_sum + losses, self.confusion + confused.view(n, n)

    def compute(self) -> ClassStats:
        """Loss [4] and confusion [4, 4] over all batches since `reset`, from all processes."""
        loss_sum, confusion = self.loss_sum.cpu(), self.confusion.cpu()
        return ClassStats(loss_sum / confusion.sum(dim=1), confusion)
