"""f_agg, the aggregation network: a shallow CNN over the map stack X (paper, Figure 4b)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mammo.geometry import Frame
from mammo.maps.location import location_map
from mammo.maps.stack import CHANNELS, canonical
from mammo.models.aggregation import normalised_convolution, pooled_convolution
from mammo.models.patch_classifier import Batch, PatchClassifier
from mammo.records import PatchClass


class FAgg(PatchClassifier):
    """(BN, ReLU, 3x3 convolution of 32 filters) twice, global average pooling, classifier; same task as f_loc.

    The paper states neither padding nor stride: both convolutions keep the grid (padding 1, stride 1). The forward
    pass never builds X; `plain` is the same network written down as the paper draws it. It computes in float32: what
    is left of the network is bound by memory, not by multiplications.

    Args:
        maps: the chosen maps, in any order.
        window: height, width and cell_px of the network window (Lightning keeps the name frame for itself).
        lr: Adam's learning rate.
        class_weights: loss weight of each PatchClass.
        n_filters: filters of each convolution.
    """

    def __init__(
        self,
        maps: Sequence[str],
        window: dict[str, int],
        lr: float,
        class_weights: Sequence[float],
        n_filters: int = 32,
    ) -> None:
        super().__init__(lr, class_weights)
        self.save_hyperparameters()
        self.maps, self.frame = canonical(maps), Frame(**window)
        n_maps = sum(CHANNELS[name] for name in self.maps)
        self.bn1 = nn.BatchNorm2d(n_maps)
        self.conv1 = nn.Conv2d(n_maps, n_filters, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(n_filters)
        self.conv2 = nn.Conv2d(n_filters, n_filters, 3, padding=1)
        self.classifier = nn.Linear(n_filters, len(PatchClass))

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, 4] by PatchClass of a batch with the columns that mammo.maps.stack.columns names."""
        rows, dtype = len(batch["target"]), self.conv1.weight.dtype
        with torch.autocast(self.device.type, enabled=False):
            dense, h, inside = torch.zeros(rows, 0, *self.frame.grid, device=self.device, dtype=dtype), None, None
            if "window" in batch:
                location = location_map(batch["window"], self.frame).to(dtype)
            if "loc" in self.maps:
                dense = location
            if "sal" in self.maps:
                dense = torch.cat([dense, batch["saliency"].to(dtype)], dim=1)
            if "emb" in self.maps:
                h, inside = batch["embedding"].to(dtype), (location > 0).to(dtype)
            x = torch.relu(self.bn2(normalised_convolution(dense, h, inside, self.bn1, self.conv1)))
            logits: Tensor = self.classifier(pooled_convolution(x, self.conv2))
        return logits

    def plain(self, x: Tensor) -> Tensor:
        """Logits [B, 4] of the map stack X [B, M, rows, cols], layer by layer."""
        x = self.conv1(torch.relu(self.bn1(x)))
        x = self.conv2(torch.relu(self.bn2(x)))
        logits: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return logits
