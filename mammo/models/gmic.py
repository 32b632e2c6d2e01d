"""The Globally-Aware Multiple Instance Classifier: a global trunk that gives saliency maps, a local one for regions.

The same class is the 14,110,322-parameter network on 2944 x 1920 images and the demo's on 368 x 240: only numbers in
conf/context differ. Classes are ordered malignant, benign, as everywhere in mammo.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mammo.geometry import Frame
from mammo.models.preact_resnet import PreActResNet
from mammo.models.regions import greedy_regions, region_crops
from mammo.models.resnet import ResNet
from mammo.records import MammoError

CLASSES = ("malignant", "benign")
"""What the two channels of every output mean."""


@dataclass(frozen=True)
class GmicSizes:
    """Every number of the network.

    Attributes:
        stem: kernel and stride of the global trunk's first convolution.
        stem_width: its channels.
        widths: channels of the global trunk's stages.
        strides: strides of the global trunk's stages.
        blocks: blocks in each stage of the global trunk.
        local_widths: channels of the local trunk's stages.
        attention: hidden units of the gated attention.
        top_share: share t of the grid's cells that is averaged into the global prediction.
        n_regions: regions of interest K.
        region_cells: side of a region in grid cells.
    """

    stem: tuple[int, int]
    stem_width: int
    widths: Sequence[int]
    strides: Sequence[int]
    blocks: int
    local_widths: Sequence[int]
    attention: int
    top_share: float
    n_regions: int
    region_cells: int


class GmicOutput(NamedTuple):
    """What one forward pass gives; predictions are probabilities [B, 2] in CLASSES order."""

    saliency: Tensor
    """A [B, 2, rows, cols] in [0, 1]."""
    by_global: Tensor
    by_local: Tensor
    by_fusion: Tensor


class Gmic(nn.Module):
    """Global trunk, saliency head, top-t pooling, greedy regions, local trunk, gated attention, fusion.

    Args:
        sizes: every number of the network.
        frame: the network window; the trunk's strides must give its grid.
    """

    def __init__(self, sizes: GmicSizes, frame: Frame) -> None:
        super().__init__()
        self.sizes, self.frame = sizes, frame
        self.trunk = PreActResNet(
            1, (sizes.stem[0], sizes.stem[1]), sizes.stem_width, True, sizes.widths, sizes.strides, sizes.blocks
        )
        self.head = nn.Conv2d(self.trunk.num_features, 2, 1, bias=False)
        self.local = ResNet(sizes.local_widths)
        features = self.local.num_features
        self.attention_v = nn.Linear(features, sizes.attention, bias=False)
        self.attention_u = nn.Linear(features, sizes.attention, bias=False)
        self.attention_w = nn.Linear(sizes.attention, 1, bias=False)
        self.local_classifier = nn.Linear(features, 2, bias=False)
        self.fusion = nn.Linear(self.trunk.num_features + features, 2)

    def forward(self, image: Tensor) -> GmicOutput:
        """Standardised images [B, 1, H, W] of the network window to saliency maps and predictions."""
        features = self.trunk(image)
        if features.shape[2:] != self.frame.grid:
            raise MammoError(
                f"the context network gives {tuple(features.shape[2:])} maps but the grid is {self.frame.grid}: "
                "choose context.strides so that their product with the stem's is the frame's cell_px"
            )
        saliency = torch.sigmoid(self.head(features))
        regions = greedy_regions(saliency, self.sizes.region_cells, self.sizes.n_regions)
        crops = region_crops(image, regions, self.sizes.region_cells, self.frame.cell_px)
        local = self._attend(crops)
        fused = torch.cat([features.amax(dim=(2, 3)), local], dim=1)
        return GmicOutput(
            saliency=saliency,
            by_global=self._top_mean(saliency),
            by_local=torch.sigmoid(self.local_classifier(local)),
            by_fusion=torch.sigmoid(self.fusion(fused)),
        )

    def _top_mean(self, saliency: Tensor) -> Tensor:
        """Mean of each map's top cells [B, 2]."""
        cells = saliency.flatten(2)
        n_top = max(1, round(cells.shape[2] * self.sizes.top_share))
        return cells.topk(n_top, dim=2).values.mean(dim=2)

    def _attend(self, crops: Tensor) -> Tensor:
        """Attention-weighted mean [B, features] of the regions' vectors; grey crops become three channels."""
        batch, n_regions = crops.shape[:2]
        h = self.local(crops.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)).unflatten(0, (batch, n_regions))
        gate = torch.sigmoid(self.attention_u(h)) * torch.tanh(self.attention_v(h))
        weight = torch.softmax(self.attention_w(gate), dim=1)
        attended: Tensor = (weight * h).sum(dim=1)
        return attended
