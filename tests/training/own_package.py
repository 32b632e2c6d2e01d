"""A package such as a user writes: a network, a loss, a callback and a transform, outside mammo."""

from collections.abc import Mapping
from typing import Any

import albumentations as alb
import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torchmetrics import CatMetric, MaxMetric
from torchmetrics.classification import BinaryAUROC

from mammo.models.epoch_metrics import LesionAUROC, WindowPredictions
from mammo.models.floc import PatchClassifier
from mammo.records import Batch


class OwnLoss(nn.Module):
    """Focal loss; its weight is learned, so that it is in the checkpoints."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        log_p = logits.log_softmax(1).gather(1, target[:, None])[:, 0]
        return (self.scale.square() * -((1 - log_p.exp()) ** self.gamma) * log_p).mean()


class PositiveLoss(OwnLoss):
    """A loss whose constructor rejects values."""

    def __init__(self, gamma: float = 2.0) -> None:
        if gamma < 0:
            raise ValueError("gamma is negative")
        super().__init__(gamma)


class FailingLoss(OwnLoss):
    """A loss that fails when it is called."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        raise ValueError("of its own")


class LonelyLoss(OwnLoss):
    """A loss that lacks a parameter."""

    def forward(self, logits: Tensor) -> Tensor:  # type: ignore[override]
        return logits.mean()


class FailingCallback(Callback):
    """A callback that fails in its first epoch."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        raise KeyError("nothing")


class OwnNet(pl.LightningModule):
    """The smallest patch classifier: mean and SD of a patch, one linear layer."""

    plan = "patches"
    columns = ("patch",)

    def __init__(self, lr: float, loss: nn.Module, width: int = 4) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["loss"])
        self.lr, self.loss = lr, loss
        self.layers = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 4))
        self.auc = BinaryAUROC()

    def forward(self, patch: Tensor) -> Tensor:
        x = patch.float().flatten(1) / 4095
        return torch.as_tensor(self.layers(torch.stack([x.mean(1), x.std(1)], dim=1)))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        return torch.as_tensor(self.loss(self(batch["patch"]), batch["target"]))

    def validation_step(self, batch: Batch, _: int) -> None:
        self.auc.update(self(batch["patch"])[:, 0], batch["target"] == 0)

    def on_validation_epoch_end(self) -> None:
        self.log("val_auc", self.auc.compute())
        self.auc.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), self.lr)


class OwnLoggingNet(OwnNet):
    """The same, with metrics of training in each form that a metric can have: rows, a highest value, a sum, a mean.

    Some have rows, or are logged, in a few of the five steps of an epoch only.
    """

    def __init__(self, lr: float, loss: nn.Module, width: int = 4) -> None:
        super().__init__(lr, loss, width)
        self.train_auc, self.brightest = BinaryAUROC(), MaxMetric()
        self.even, self.early = CatMetric(), CatMetric()

    def training_step(self, batch: Batch, number: int) -> Tensor:
        loss = super().training_step(batch, number)
        if number % 2 == 0:
            self.even.update(loss.detach())
            self.log("train_sum_even", loss, on_step=False, on_epoch=True, reduce_fx="sum", batch_size=1)
        if number < 2:
            self.early.update(loss.detach())
        self.train_auc.update(self(batch["patch"])[:, 0], batch["target"] == 0)
        self.brightest.update(batch["patch"].float().mean())
        for name in ("mean", "sum", "max", "min"):
            self.log(
                f"train_{name}", loss, on_step=False, on_epoch=True, reduce_fx=name, batch_size=len(batch["patch"])
            )
        return loss

    def on_train_epoch_end(self) -> None:
        for name, metric in (("auc", self.train_auc), ("brightest", self.brightest)):
            self.log(f"train_{name}", metric.compute())
            metric.reset()
        for name, rows in (("even", self.even), ("early", self.early)):
            self.log(f"train_{name}", torch.as_tensor(rows.compute()).sum())
            rows.reset()


class OwnTestedNet(OwnNet):
    """The same, tested and scored lesion by lesion."""

    def __init__(self, lr: float, loss: nn.Module, width: int = 4) -> None:
        super().__init__(lr, loss, width)
        self.lesions = LesionAUROC()

    def test_step(self, batch: Batch, number: int) -> None:
        columns = (batch["lesion"], batch["repeat"], batch["target"])
        self.lesions.update(*WindowPredictions(self(batch["patch"]), *columns))

    def on_test_epoch_end(self) -> None:
        self.log("test_auc", float(self.lesions.compute()))
        self.scored = self.lesions.lesion_scores()


class OwnFLoc(PatchClassifier):
    """An f_loc of one's own: its h feeds f_agg."""

    columns = ("patch",)
    saves_embeddings = True

    def __init__(self, lr: float, loss: nn.Module | None = None) -> None:
        super().__init__(lr, loss)
        self.save_hyperparameters({"lr": lr})
        self.features, self.classifier = nn.Linear(32 * 32, 32), nn.Linear(32, 4)

    def represent(self, patch: Tensor) -> Tensor:
        return torch.as_tensor(self.features(patch.float().flatten(1) / 4095))

    def batch_logits(self, batch: Batch) -> Tensor:
        h = batch["embedding"] if "embedding" in batch else self.represent(batch["patch"])
        return torch.as_tensor(self.classifier(h))


class OwnAggregator(PatchClassifier):
    """An f_agg of one's own: reads h alone."""

    window_seed = 0
    scores_validation = True

    def __init__(self, lr: float, maps: list[str], loss: nn.Module | None = None) -> None:
        super().__init__(lr, loss)
        self.save_hyperparameters({"lr": lr, "maps": maps})
        self.classifier = nn.Linear(32, 4)

    @classmethod
    def columns(cls, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        assert arguments["maps"] == ["emb"]
        return ("embedding",)

    def batch_logits(self, batch: Batch) -> Tensor:
        return torch.as_tensor(self.classifier(batch["embedding"]))


class UnsafeNet(OwnNet):
    """Saves its loss among the hyperparameters."""

    def __init__(self, lr: float, loss: nn.Module, width: int = 4) -> None:
        super().__init__(lr, loss, width)
        self.save_hyperparameters({"loss": loss})


class SilentNet(OwnNet):
    """Logs no val_auc."""

    def on_validation_epoch_end(self) -> None:
        return None


class UndeclaredNet(pl.LightningModule):
    """Declares nothing."""


class Counter(Callback):
    """Counts the epochs, across interruptions."""

    def __init__(self, step: int = 1) -> None:
        self.step, self.count = step, 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.count += self.step
        pl_module.log("counted", float(self.count))

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.count = state_dict["count"]


class Invert(alb.ImageOnlyTransform):
    """Inverts gray values."""

    def apply(self, img: np.ndarray, **_: Any) -> np.ndarray:
        return 1 - img
