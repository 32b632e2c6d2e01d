"""The context network: whole images in, the presence of malignant and benign lesions out; its saliency maps feed f_agg.

Trained on image labels alone; outlines are never used (paper, The proposed method).
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn import functional

from mammo.geometry import Frame
from mammo.models.gmic import CLASSES, Gmic, GmicOutput, GmicSizes
from mammo.models.patch_classifier import Batch
from mammo.models.precision import lay_out
from mammo.scoring.metrics import auc


class ContextNetwork(pl.LightningModule):
    """GMIC as a LightningModule.

    Loss: BCE of the global, local and fused predictions plus beta times the saliency's L1 norm, which is its mean by
    default, because only the mean keeps one beta meaningful on every grid; "sum" is 1,380 times as strong on 46 x 30.

    Args:
        sizes: every number of the network (conf/context).
        window: height, width and cell_px of the network window (Lightning keeps the name frame for itself).
        lr: Adam's learning rate.
        beta: weight of the saliency's L1 norm.
        saliency_norm: "mean" or "sum" over the cells of an image.
    """

    def __init__(
        self,
        sizes: Mapping[str, Any],
        window: dict[str, int],
        lr: float,
        beta: float,
        saliency_norm: Literal["mean", "sum"] = "mean",
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.network = lay_out(Gmic(GmicSizes(**sizes), Frame(**window)))
        self.lr, self.beta, self.saliency_norm = lr, beta, saliency_norm
        self._seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, image: Tensor) -> GmicOutput:
        """Raw images uint16 [B, 1, H, W] to saliency [B, 2, rows, cols] and predictions [B, 2], malignant first."""
        output: GmicOutput = self.network(standardised(image))
        return output

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch."""
        output, target = self(batch["image"]), batch["target"].float()
        with torch.autocast(self.device.type, enabled=False):  # BCE of probabilities needs float32
            bce = sum(functional.binary_cross_entropy(p.float(), target) for p in output[1:])
            per_image = output.saliency.float().flatten(2).sum(dim=2)
            norm = per_image if self.saliency_norm == "sum" else per_image / output.saliency[0, 0].numel()
            loss: Tensor = bce + self.beta * norm.sum(dim=1).mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(target))
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Collect one batch's fused predictions."""
        self._seen.append((self(batch["image"]).by_fusion.float().cpu(), batch["target"].cpu()))

    test_step = validation_step

    def on_validation_epoch_end(self) -> None:
        """Log the image-level AUC of each class; the malignant one is what training is judged by."""
        self._log_aucs("val")

    def on_test_epoch_end(self) -> None:
        """Log the test split's image-level AUCs."""
        self._log_aucs("test")

    def _log_aucs(self, split: str) -> None:
        scores = torch.cat([p for p, _ in self._seen]).numpy().astype(np.float64)
        shown = torch.cat([t for _, t in self._seen]).numpy()
        self._seen.clear()
        for column, name in enumerate(CLASSES):
            self.log(f"{split}_auc_{name}", auc(shown[:, column], scores[:, column]))
        self.log(f"{split}_auc", auc(shown[:, 0], scores[:, 0]), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def standardised(image: Tensor) -> Tensor:
    """Each image to zero mean and unit deviation over the whole window, padding included; uint16 to float32."""
    x = image.float()
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    deviation = x.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return (x - mean) / deviation.clamp(min=1e-5)
