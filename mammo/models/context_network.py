"""The context network: whole images in, the presence of malignant and benign lesions out; its saliency maps feed f_agg.

Trained on image labels alone; outlines are never used (paper, The proposed method).
"""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mammo.geometry import Frame
from mammo.models.backbones import pretrained_state
from mammo.models.distributed import of_every_rank
from mammo.models.gmic import ByClass, Gmic, GmicOutput, GmicSizes
from mammo.models.losses import GmicLoss, without_loss
from mammo.models.patch_classifier import FNRS
from mammo.models.precision import adam, lay_out
from mammo.models.weight_files import read_weights
from mammo.records import Batch, MammoError
from mammo.scoring.metrics import auc
from mammo.scoring.thresholds import tnr_at_fnr

PUBLISHED = {"lr": 1.0e-5}
"""Learning rate near that of the first released model, for checkpoints that were not trained here."""


class ContextNetwork(pl.LightningModule):
    """GMIC as a LightningModule.

    Args:
        sizes: every number of the network (conf/gmic).
        frame: height, width and cell_px of the network window.
        lr: Adam's learning rate.
        loss: called with GmicOutput and targets float32 [B, 2]; None for GmicLoss.
        local_trunk: init ("imagenet" or "he"), weights (timm's name.tag) and pretrained_file of the local trunk; the
            rest of the network is initialized at random.
        checkpoint_activations: a third less speed for a fraction of the memory (16 GB V100s).

    Raises:
        MammoError: the sizes do not give the window's grid, or the local trunk's weights are not available.
    """

    plan: ClassVar[Literal["patches", "images"]] = "images"
    columns: ClassVar[tuple[str, ...]] = ("image",)
    score_table: ClassVar[Literal["lesions", "images", ""]] = "images"

    def __init__(
        self,
        sizes: Mapping[str, Any],
        frame: dict[str, int],
        lr: float,
        loss: nn.Module | None = None,
        local_trunk: Mapping[str, Any] | None = None,
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        # Named one by one: Lightning itself would leave out `frame`. A checkpoint brings every weight: no local_trunk.
        saved = {"sizes": sizes, "frame": frame, "lr": lr, "checkpoint_activations": checkpoint_activations}
        self.save_hyperparameters(saved)
        self.network = lay_out(Gmic(GmicSizes(**sizes), Frame(**frame), checkpoint_activations))
        self.lr, self.loss = lr, loss or GmicLoss()
        if local_trunk is not None:
            self._start_local_trunk(**local_trunk)
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []
        self.image_rows: NDArray[np.int64] | None = None
        self.scores: NDArray[np.float64] | None = None

    def _start_local_trunk(self, init: str, weights: str, pretrained_file: str | None) -> None:
        """Load the ImageNet weights that the local trunk starts from, where it does."""
        if init not in ("imagenet", "he"):
            raise MammoError(f"gmic.local_init={init}: choose imagenet or he")
        if init == "imagenet":
            self.network.start_local(pretrained_state(weights, pretrained_file))

    def forward(self, image: Tensor) -> GmicOutput:
        """Raw images uint16 [B, 1, H, W] of the network window to saliency maps and predictions."""
        output: GmicOutput = self.network(standardized(image))
        return output

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch."""
        output, target = self(batch["image"]), batch["target"].float()
        with torch.autocast(self.device.type, enabled=False):  # BCE of probabilities needs float32
            loss: Tensor = self.loss(output, target)
            losses = {"train_loss": loss, **_loss_by_class(output, target)}
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(target))
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Collect one batch's fused predictions."""
        rows = (batch["image_row"], self(batch["image"]).by_fusion.stacked(), batch["target"])
        self._seen.append(tuple(row.detach().cpu() for row in rows))  # type: ignore[arg-type]

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """Log each class's AUC over images, and the TNR of the malignant one, whose AUC training is judged by."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the test split's metrics; `scores` of the image rows `image_rows` are kept."""
        self._log_metrics("test")

    def _log_metrics(self, split: str) -> None:
        rows, scores, shown = (torch.cat(column).numpy() for column in zip(*of_every_rank(self._seen), strict=True))
        self._seen.clear()
        self.image_rows, first = np.unique(rows, return_index=True)
        self.scores, shown = scores[first].astype(np.float64), shown[first]
        for column, name in enumerate(ByClass._fields):
            self.log(f"{split}_auc_{name}", auc(shown[:, column], self.scores[:, column]), rank_zero_only=True)
        malignant, score = shown[:, 0], self.scores[:, 0]  # the first of ByClass
        self.log(f"{split}_auc", auc(malignant, score), prog_bar=True, rank_zero_only=True)
        for fnr in FNRS:
            self.log(f"{split}_tnr_at_fnr_{fnr:.2f}", tnr_at_fnr(malignant, score, fnr), rank_zero_only=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return adam(self, self.lr)


def _loss_by_class(output: GmicOutput, target: Tensor) -> dict[str, Tensor]:
    """The BCE of each class, summed over the predictions, of targets [B, 2]; their mean is the BCE of the loss."""
    predictions = (output.by_global, output.by_local, output.by_fusion)
    bce = [
        functional.binary_cross_entropy(each.stacked().detach(), target, reduction="none").mean(dim=0)
        for each in predictions
    ]
    return {
        f"train_loss_{name}": value for name, value in zip(ByClass._fields, torch.stack(bce).sum(dim=0), strict=True)
    }


def standardized(image: Tensor) -> Tensor:
    """Each image to zero mean and unit deviation over the whole window, padding included; uint16 to float32."""
    x = image.float()
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    deviation = x.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return (x - mean) / deviation.clamp(min=1e-5)


def checkpoint_of(network: Gmic) -> dict[str, Any]:
    """A checkpoint that network_of_checkpoint reads, of a network that was not trained here."""
    return {
        "state_dict": {f"network.{key}": value for key, value in network.state_dict().items()},
        "hyper_parameters": {"sizes": asdict(network.sizes), "frame": asdict(network.frame), **PUBLISHED},
        "pytorch-lightning_version": version("pytorch-lightning"),
    }


def network_of_checkpoint(path: Path) -> ContextNetwork:
    """The context network of a checkpoint, in eval mode.

    Raises:
        MammoError: it cannot be read safely, or it is not a checkpoint of a context network.
    """
    content = read_weights(path)
    try:
        network = ContextNetwork(**content["hyper_parameters"])
        network.load_state_dict(without_loss(content["state_dict"]))
    except (KeyError, TypeError, RuntimeError) as error:
        told = " ".join(str(error).split())[:400]
        raise MammoError(f"{path} is not a checkpoint of a context network ({type(error).__name__}: {told})") from error
    return network.eval()
