"""What f_loc and f_agg share: the four-class patch task, and its evaluation lesion by lesion. The only base class."""

from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.models.distributed import of_every_rank
from mammo.models.losses import without_loss
from mammo.models.precision import adam
from mammo.records import Batch, PatchClass
from mammo.scoring.lesion_score import LesionScores, lesion_scores
from mammo.scoring.metrics import auc
from mammo.scoring.thresholds import tnr_at_fnr

FNRS = (0.01, 0.02, 0.05)
"""False negative rates at which the true negative rate is logged (three of the paper's Table 2)."""


class PatchClassifier(pl.LightningModule):
    """A loss and Adam in training, the lesion score and its AUC in validation and test.

    Args:
        lr: Adam's learning rate.
        loss: called with logits [B, 4] and targets int64 [B]; None for unweighted cross-entropy.
    """

    plan: ClassVar[Literal["patches", "images"]] = "patches"
    score_table: ClassVar[Literal["lesions", "images", ""]] = "lesions"

    def __init__(self, lr: float, loss: nn.Module | None = None) -> None:
        super().__init__()
        self.lr, self.class_stats = lr, PatchClassStats()
        self.loss = loss or nn.CrossEntropyLoss()
        self._seen: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self.scores: LesionScores | None = None
        self.lesions: Tensor | None = None

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch."""
        logits = self(batch).float()
        loss: Tensor = self.loss(logits, batch["target"])
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(logits))
        self.class_stats.add(logits.detach(), batch["target"])
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Collect one batch of lesion windows."""
        rows = (self(batch).float(), batch["lesion"], batch["repeat"], batch["target"])
        self._seen.append(tuple(row.detach().cpu() for row in rows))  # type: ignore[arg-type]

    test_step = predict_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """Log the lesion AUC, by which training is judged, and the TNR at the rates of FNRS."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the test split's metrics; `scores` and `lesions` keep what the lesion table is made of."""
        self._log_metrics("test")

    def _log_metrics(self, split: str) -> None:
        malignant = self.collect_scores().numpy()
        assert self.scores is not None
        self.log(f"{split}_auc", auc(malignant, self.scores.score), prog_bar=True, rank_zero_only=True)
        for fnr in FNRS:
            tnr = tnr_at_fnr(malignant, self.scores.score, fnr)
            self.log(f"{split}_tnr_at_fnr_{fnr:.2f}", tnr, rank_zero_only=True)

    def collect_scores(self) -> Tensor:
        """Turn the batches seen since the last call into `scores` of the lesion rows `lesions`.

        Returns:
            int64 [lesions], 1 for a malignant one.
        """
        logits, lesion, repeat, target = (torch.cat(column) for column in zip(*of_every_rank(self._seen), strict=True))
        self._seen.clear()
        self.lesions, number = torch.unique(lesion, return_inverse=True)
        malignant = torch.zeros(len(self.lesions), dtype=torch.int64)
        malignant[number] = (target == PatchClass.MALIGNANT).long()
        self.scores = lesion_scores(
            number.numpy(),
            repeat.numpy(),
            logits[:, PatchClass.MALIGNANT].double().numpy(),
            logits[:, PatchClass.BENIGN].double().numpy(),
            len(self.lesions),
        )
        return malignant

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the weights of a loss that this network does not have: inference needs no loss."""
        if not self.loss.state_dict():
            checkpoint["state_dict"] = without_loss(checkpoint["state_dict"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam (paper, Model training)."""
        return adam(self, self.lr)


N = len(PatchClass)


class PatchClassStats:
    """Sums over the batches since the last `close`, on the network's own device, so that nothing waits for them."""

    def __init__(self) -> None:
        self._sums: tuple[Tensor, Tensor] | None = None
        self.loss = torch.full((N,), torch.nan, dtype=torch.float64)
        self.confusion = torch.zeros(N, N, dtype=torch.int64)

    def add(self, logits: Tensor, target: Tensor) -> None:
        """Count one batch: logits [B, 4], target int64 [B]."""
        with torch.no_grad():
            each = functional.cross_entropy(logits, target, reduction="none").double()
            losses = torch.zeros(N, dtype=torch.float64, device=each.device).index_add_(0, target, each)
            confused = torch.bincount(target * N + logits.argmax(dim=1), minlength=N * N)
            before = self._sums
            self._sums = (losses, confused) if before is None else (before[0] + losses, before[1] + confused)

    def close(self) -> None:
        """End the epoch, over all processes.

        `loss` [4] becomes the mean cross-entropy of each class, NaN where it did not occur; `confusion` [4, 4] the
        number of patches by true class (row) and by the class of the largest logit (column).
        """
        mine = [] if self._sums is None else [tuple(part.cpu() for part in self._sums)]
        rows = of_every_rank(mine)
        self._sums = None
        losses = sum((row[0] for row in rows), torch.zeros(N, dtype=torch.float64))
        self.confusion = sum((row[1] for row in rows), torch.zeros(N * N, dtype=torch.int64)).reshape(N, N)
        self.loss = losses / self.confusion.sum(dim=1)
