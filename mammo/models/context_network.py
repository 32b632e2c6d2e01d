"""The context network: whole images in, the presence of malignant and benign lesions out; its saliency maps feed f_agg.

Trained on image labels alone; outlines are never used (paper, The proposed method).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from mammo.geometry import Frame
from mammo.models.distributed import of_every_rank
from mammo.models.gmic import ByClass, Gmic, GmicOutput, GmicSizes
from mammo.models.patch_classifier import FNRS
from mammo.models.precision import adam, lay_out
from mammo.models.weight_files import read_weights
from mammo.records import Batch, MammoError
from mammo.scoring.metrics import auc
from mammo.scoring.thresholds import tnr_at_fnr

PUBLISHED = {"lr": 1.0e-5, "beta": 3.26e-6}
"""Learning rate and beta near those of the first released model, for checkpoints that were not trained here."""


class ContextNetwork(pl.LightningModule):
    """GMIC as a LightningModule.

    Loss: BCE of the global, local and fused predictions plus beta times the saliency's L1 norm, which is its mean by
    default, because only the mean keeps one beta meaningful on every grid; "sum" is 1,380 times as strong on 46 x 30.

    Args:
        sizes: every number of the network (conf/gmic).
        frame: height, width and cell_px of the network window.
        lr: Adam's learning rate.
        beta: weight of the saliency's L1 norm.
        saliency_norm: "mean" or "sum" over the cells of an image; summed over the classes, averaged over the images.
        checkpoint_activations: a third less speed for a fraction of the memory (16 GB V100s).

    Raises:
        MammoError: saliency_norm is unknown, or the sizes do not give the window's grid.
    """

    def __init__(
        self,
        sizes: Mapping[str, Any],
        frame: dict[str, int],
        lr: float,
        beta: float,
        saliency_norm: Literal["mean", "sum"] = "mean",
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        if saliency_norm not in ("mean", "sum"):
            raise MammoError(f"model.saliency_norm={saliency_norm}: choose mean or sum")
        saved = {"sizes": sizes, "frame": frame, "lr": lr, "beta": beta, "saliency_norm": saliency_norm}
        # Named one by one: Lightning itself would leave out `frame`.
        self.save_hyperparameters(saved | {"checkpoint_activations": checkpoint_activations})
        self.network = lay_out(Gmic(GmicSizes(**sizes), Frame(**frame), checkpoint_activations))
        self.lr, self.beta, self.saliency_norm = lr, beta, saliency_norm
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []
        self.image_rows: NDArray[np.int64] | None = None
        self.scores: NDArray[np.float64] | None = None

    def forward(self, image: Tensor) -> GmicOutput:
        """Raw images uint16 [B, 1, H, W] of the network window to saliency maps and predictions."""
        output: GmicOutput = self.network(standardized(image))
        return output

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch."""
        output, target = self(batch["image"]), batch["target"].float()
        with torch.autocast(self.device.type, enabled=False):  # BCE of probabilities needs float32
            predictions = (output.by_global, output.by_local, output.by_fusion)
            bce = sum(functional.binary_cross_entropy(each.stacked(), target) for each in predictions)
            saliency = output.saliency.stacked().flatten(2)
            norm = saliency.sum(dim=2) if self.saliency_norm == "sum" else saliency.mean(dim=2)
            loss: Tensor = bce + self.beta * norm.sum(dim=1).mean()
            losses = {"train_loss": loss, **_loss_by_class(predictions, target)}
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


def _loss_by_class(predictions: Sequence[ByClass], target: Tensor) -> dict[str, Tensor]:
    """The BCE of each class, summed over the predictions, of targets [B, 2]; their mean is the BCE of the loss."""
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
        network.load_state_dict(content["state_dict"])
    except (KeyError, TypeError, RuntimeError) as error:
        told = " ".join(str(error).split())[:400]
        raise MammoError(f"{path} is not a checkpoint of a context network ({type(error).__name__}: {told})") from error
    return network.eval()
