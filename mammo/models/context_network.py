"""The context network: GMIC predicts from a whole image whether its breast has malignant and benign lesions.

It is trained on image labels alone, never on outlines (paper, The proposed method). f_agg reads its saliency maps.
"""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.geometry import Frame
from mammo.models.backbones import pretrained_state
from mammo.models.epoch_metrics import LOGGED_FNRS, ImageAUROC, ScoredImages
from mammo.models.gmic import ByClass, Gmic, GmicOutput, GmicSizes
from mammo.models.losses import GmicLoss, without_loss
from mammo.models.precision import adam, to_channels_last
from mammo.models.weight_files import read_weights, weights_of
from mammo.records import Batch, MammoError
from mammo.scoring.thresholds import tnr_at_fnr

PUBLISHED = {"lr": 1.0e-5}
"""Learning rate near that of the first released model, for checkpoints that mammo did not train."""


class ImagePredictions(NamedTuple):
    """Predictions for a batch of images; classes in the order malignant, benign."""

    image_row: Tensor
    """int64 [B], each image's row in the image table of the store."""
    score: Tensor
    """float32 [B, 2] in [0, 1], probability that the image shows a lesion of each class (fused prediction)."""
    saliency: Tensor
    """float32 [B, 2, rows, cols] in [0, 1], saliency maps on the grid of the network window."""


class ContextNetwork(pl.LightningModule):
    """GMIC as a LightningModule.

    Args:
        sizes: sizes of the layers, the arguments of GmicSizes (conf/gmic).
        frame: height, width and cell_px of the network window.
        lr: Adam's learning rate.
        loss: called with GmicOutput and targets float32 [B, 2]; None for GmicLoss.
        local_trunk: init ("imagenet" or "he"), weights (timm's name.tag) and pretrained_file of the local trunk; the
            rest of the network is initialized at random.
        global_trunk: a checkpoint of a context network of these sizes, whose global trunk is loaded; None for a random
            one.
        checkpoint_activations: use a fraction of the memory at two thirds of the speed (16 GB V100s).

    Raises:
        MammoError: the sizes do not give the window's grid, or the weights of a trunk are not available.
    """

    plan: ClassVar[Literal["patches", "images"]] = "images"
    columns: ClassVar[tuple[str, ...]] = ("image",)

    def __init__(
        self,
        sizes: Mapping[str, Any],
        frame: dict[str, int],
        lr: float,
        loss: nn.Module | None = None,
        local_trunk: Mapping[str, Any] | None = None,
        global_trunk: str | None = None,
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        # Named one by one: Lightning itself would leave out `frame`. A checkpoint holds every weight: no trunks.
        saved = {"sizes": sizes, "frame": frame, "lr": lr, "checkpoint_activations": checkpoint_activations}
        self.save_hyperparameters(saved)
        self.network = to_channels_last(Gmic(GmicSizes(**sizes), Frame(**frame), checkpoint_activations))
        self.lr, self.loss, self.image_auroc = lr, loss or GmicLoss(), ImageAUROC()
        self.scored: ScoredImages | None = None
        """Images of the last validation or test, with their scores."""
        if local_trunk is not None:
            self._start_local_trunk(**local_trunk)
        if global_trunk is not None:
            self._start_global_trunk(Path(global_trunk))

    def _start_local_trunk(self, init: str, weights: str, pretrained_file: str | None) -> None:
        """Load the ImageNet weights into the local trunk if it starts from them."""
        if init not in ("imagenet", "he"):
            raise MammoError(f"gmic.local_init={init}: choose imagenet or he")
        if init == "imagenet":
            self.network.load_local_trunk(pretrained_state(weights, pretrained_file))

    def _start_global_trunk(self, path: Path) -> None:
        """Load the global trunk of a checkpoint of a context network."""
        state = weights_of(read_weights(path), path)
        prefix = "network."
        weights = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        try:
            self.network.load_global_trunk(weights)
        except MammoError as error:
            raise MammoError(
                f"model.global_trunk={path}: {error}; give a checkpoint of a context network with the same sizes "
                "(conf/gmic), or leave model.global_trunk out"
            ) from error

    def forward(self, image: Tensor) -> GmicOutput:
        """Saliency maps [B, rows, cols] in [0, 1] and predictions [B] in [0, 1] of images.

        Args:
            image: [B, 1, H, W] of the network window, gray values of the store, 0 to 4095, as uint16 or float. Each
                image is standardized here.
        """
        output: GmicOutput = self.network(standardized(image))
        return output

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss, float32 [], of a batch with the columns image [B, 1, H, W] and target [B, 2]."""
        output, target = self(batch["image"]), batch["target"].float()
        with torch.autocast(self.device.type, enabled=False):  # BCE of probabilities needs float32
            loss: Tensor = self.loss(output, target)
            losses = {"train_loss": loss, **_loss_by_class(output, target)}
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=len(target), sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Add a batch to the image AUC; columns image [B, 1, H, W], image_row [B] and target [B, 2]."""
        self.image_auroc.update(batch["image_row"], self(batch["image"]).y_fusion.stacked(), batch["target"])

    test_step = validation_step

    def predict_step(self, batch: Batch, _: int) -> ImagePredictions:
        """Scores [B, 2] and saliency maps [B, 2, rows, cols] of a batch with the columns image and image_row."""
        output = self(batch["image"])
        return ImagePredictions(batch["image_row"], output.y_fusion.stacked(), output.saliency.stacked())

    def on_validation_epoch_end(self) -> None:
        """Log each class's AUC over images and the malignant TNR; the malignant AUC, val_auc, selects the epoch."""
        self._log_metrics("val")

    def on_test_epoch_end(self) -> None:
        """Log the test split's metrics; `scored` holds its images."""
        self._log_metrics("test")

    def _log_metrics(self, split: str) -> None:
        aucs = dict(zip(ByClass._fields, self.image_auroc.compute().tolist(), strict=True))
        self.scored = self.image_auroc.image_scores()
        for name, value in aucs.items():
            self.log(f"{split}_auc_{name}", value, rank_zero_only=True)
        self.log(f"{split}_auc", aucs["malignant"], prog_bar=True, rank_zero_only=True)
        malignant, score = self.scored.target[:, 0].numpy(), self.scored.score[:, 0].numpy()
        for fnr in LOGGED_FNRS:
            self.log(f"{split}_tnr_at_fnr_{fnr:.2f}", tnr_at_fnr(malignant, score, fnr), rank_zero_only=True)
        self.image_auroc.reset()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out the weights of a loss that this network does not have: inference needs no loss."""
        if not self.loss.state_dict():
            checkpoint["state_dict"] = without_loss(checkpoint["state_dict"])

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return adam(self, self.lr)


def _loss_by_class(output: GmicOutput, target: Tensor) -> dict[str, Tensor]:
    """BCE of each class for targets [B, 2], summed over the three predictions; the mean of both is the loss's BCE."""
    predictions = (output.y_global, output.y_local, output.y_fusion)
    bce = [
        functional.binary_cross_entropy(each.stacked().detach(), target, reduction="none").mean(dim=0)
        for each in predictions
    ]
    return {
        f"train_loss_{name}": value for name, value in zip(ByClass._fields, torch.stack(bce).sum(dim=0), strict=True)
    }


def standardized(image: Tensor) -> Tensor:
    """Shift and scale each image to mean 0 and standard deviation 1 over the whole window, padding included.

    Args:
        image: [B, 1, H, W], uint16 or float.

    Returns:
        float32 [B, 1, H, W]; an image of one gray value becomes 0.
    """
    x = image.float()
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    deviation = x.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return (x - mean) / deviation.clamp(min=1e-5)


def official_checkpoint(network: Gmic) -> dict[str, Any]:
    """A checkpoint, for trained_networks.load_context_network, of a network that mammo did not train."""
    return {
        "state_dict": {f"network.{key}": value for key, value in network.state_dict().items()},
        "hyper_parameters": {"sizes": asdict(network.sizes), "frame": asdict(network.frame), **PUBLISHED},
        "pytorch-lightning_version": version("pytorch-lightning"),
    }
