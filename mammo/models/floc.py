"""f_loc, the patch classifier, and the base class that it shares with f_agg.

The base class trains on the four patch classes and evaluates by lesion. f_loc has a backbone, a representation h of 32
numbers, and four classes (paper, Figure 4a).
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from mammo.models.backbones import Backbone, he_initialize
from mammo.models.epoch_metrics import LOGGED_FNRS, LesionAUROC, PatchClassStats, ScoredLesions, WindowPredictions
from mammo.models.losses import mean_of_windows, without_loss
from mammo.models.precision import adam, in_float32, to_channels_last
from mammo.records import FULL_SCALE, Batch, PatchClass
from mammo.scoring.thresholds import tnr_at_fnr


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
        """The loss, float32 [], of a batch, which has the column target, int64 [B], for B groups of windows."""
        logits = mean_of_windows(self.batch_logits(batch).float(), len(batch["target"]))
        loss: Tensor = self.loss(logits, batch["target"])
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(logits), sync_dist=True)
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
        """Log the lesion AUC, which selects the epoch, and the TNR at each FNR of LOGGED_FNRS."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test split; `scored` then holds its lesions."""
        self._log_metrics("test")

    def _log_metrics(self, split: str) -> None:
        self.log(f"{split}_auc", float(self.lesion_auroc.compute()), prog_bar=True, rank_zero_only=True)
        self.scored = self.lesion_auroc.lesion_scores()
        malignant, score = self.scored.malignant.numpy(), self.scored.scores.score
        for fnr in LOGGED_FNRS:
            self.log(f"{split}_tnr_at_fnr_{fnr:.2f}", tnr_at_fnr(malignant, score, fnr), rank_zero_only=True)
        self.lesion_auroc.reset()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the weights of a loss that this network does not have: inference needs no loss."""
        if not self.loss.state_dict():
            checkpoint["state_dict"] = without_loss(checkpoint["state_dict"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam (paper, Model training)."""
        return adam(self, self.lr)


class FLoc(PatchClassifier):
    """The patch classifier f_loc. Its last two layers are always initialized at random.

    The paper names no activation between the two, so there is none: h has values of both signs. Both layers are float32
    in mixed precision, too, because h is stored and the layers are cheap.

    Args:
        backbone: arguments of Backbone (conf/backbone).
        lr: Adam's learning rate.
        loss: called with logits [B, 4] and targets int64 [B]; None for unweighted cross-entropy.
        n_features: length of h.
    """

    columns: ClassVar[tuple[str, ...]] = ("patch",)
    saves_embeddings: ClassVar[bool] = True

    def __init__(
        self, backbone: Mapping[str, Any], lr: float, loss: nn.Module | None = None, n_features: int = 32
    ) -> None:
        super().__init__(lr, loss)
        # A checkpoint holds every weight, so that loading one needs no file of ImageNet weights.
        start = {**backbone, "init": "he", "pretrained_file": None}
        self.save_hyperparameters({"backbone": start, "lr": lr, "n_features": n_features})
        self.backbone = to_channels_last(Backbone(**backbone))
        self.representation = nn.Linear(self.backbone.num_features, n_features)
        self.classifier = nn.Linear(n_features, len(PatchClass))
        he_initialize(self.representation)
        he_initialize(self.classifier)

    def represent(self, patch: Tensor) -> Tensor:
        """The representation h of patches.

        Args:
            patch: [B, 1, P, P], gray values of the store, 0 to 4095, as uint16 or float.

        Returns:
            float32 [B, n_features].
        """
        return in_float32(self.representation, self.backbone(patch.float() / FULL_SCALE))

    def forward(self, patch: Tensor) -> Tensor:
        """Logits [B, 4] by PatchClass, float32, of patches [B, 1, P, P] of gray values 0 to 4095, uint16 or float."""
        return self._classify(self.represent(patch))

    def batch_logits(self, batch: Batch) -> Tensor:
        """Logits [B, 4] of a batch with the column embedding (precomputed h [B, n_features]) or patch [B, 1, P, P]."""
        if "embedding" in batch:
            return self._classify(batch["embedding"])
        logits: Tensor = self(batch["patch"])
        return logits

    def _classify(self, h: Tensor) -> Tensor:
        return in_float32(self.classifier, h)
