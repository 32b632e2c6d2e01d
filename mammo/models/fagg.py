"""f_agg, the aggregation network: a shallow CNN over the map stack X (paper, Figure 4b)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mammo.geometry import Frame
from mammo.maps.stack import CHANNELS, batch_columns, canonical_order, partial_location_maps
from mammo.models.fagg_layers import Stack, aggregate
from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Batch, PatchClass


class FAgg(PatchClassifier):
    """(BN, ReLU, 3x3 convolution of 32 filters) twice, global average pooling, classifier; the task of f_loc.

    The paper states neither padding nor stride: both convolutions keep the grid (padding 1, stride 1). The forward
    pass never builds X (mammo.models.fagg_layers); `plain` is the same network layer by layer, as the paper draws it.
    It computes in float32, because its speed depends on memory, not on multiplications.

    Args:
        maps: names of the maps (loc, sal, emb), in any order.
        frame: height, width and cell_px of the network window.
        lr: Adam's learning rate.
        loss: as PatchClassifier.
        n_filters: filters of each convolution.
    """

    window_seed: ClassVar[int | None] = 0
    scores_validation: ClassVar[bool] = True

    def __init__(
        self,
        maps: Sequence[str],
        frame: dict[str, int],
        lr: float,
        loss: nn.Module | None = None,
        n_filters: int = 32,
    ) -> None:
        super().__init__(lr, loss)
        saved = {"maps": list(maps), "frame": dict(frame), "lr": lr, "n_filters": n_filters}
        self.save_hyperparameters(saved)  # named one by one: Lightning itself would leave out `frame`
        self.maps, self.frame = canonical_order(maps), Frame(**frame)
        n_maps = sum(CHANNELS[name] for name in self.maps)
        self.bn1 = nn.BatchNorm2d(n_maps)
        self.conv1 = nn.Conv2d(n_maps, n_filters, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(n_filters)
        self.conv2 = nn.Conv2d(n_filters, n_filters, 3, padding=1)
        self.classifier = nn.Linear(n_filters, len(PatchClass))

    @classmethod
    def columns(cls, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """The batch columns that the network of these constructor arguments reads."""
        return batch_columns(arguments.get("maps", ()))

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, 4] by PatchClass of a batch.

        Args:
            batch: target [B] and the columns of the maps (mammo.maps.stack.batch_columns): window float64 [B, 4],
                (row, col, side, angle) of the crop window in the network frame; saliency [U, 2, rows, cols] in [0, 1]
                of each different image, with saliency_row int64 [B], the image of each row; embedding [B, K], h.
        """
        with torch.autocast(self.device.type, enabled=False):
            pooled = aggregate(self._stack(batch), self.bn1, self.conv1, self.bn2, self.conv2)
            logits: Tensor = self.classifier(pooled)
        return logits

    def _stack(self, batch: Batch) -> Stack:
        """X in factored form; rows of one image share its saliency maps."""
        n_rows, dtype, device = len(batch["target"]), self.conv1.weight.dtype, self.device
        if "sal" in self.maps:
            saliency, image = batch["saliency"].to(dtype), batch["saliency_row"]
        else:
            image = torch.zeros(n_rows, dtype=torch.int64, device=device)
            saliency = torch.zeros(1, 0, *self.frame.grid, dtype=dtype, device=device)
        if "window" in batch:
            start, share = partial_location_maps(batch["window"], self.frame)
        else:
            start = torch.zeros(n_rows, 2, dtype=torch.int64, device=device)
            share = torch.zeros(n_rows, 1, 2, 2, device=device)
        h = batch["embedding"].to(dtype) if "emb" in self.maps else None
        return Stack(saliency, image, start, share.to(dtype), "loc" in self.maps, h)

    def plain(self, x: Tensor) -> Tensor:
        """Logits [B, 4] of the map stack X [B, M, rows, cols], layer by layer."""
        x = self.conv1(torch.relu(self.bn1(x)))
        x = self.conv2(torch.relu(self.bn2(x)))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits
