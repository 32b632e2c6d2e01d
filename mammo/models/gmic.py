"""The Globally-Aware Multiple Instance Classifier (GMIC): saliency maps of the image, and a closer look at its regions.

The same class is the published network of 14,110,322 parameters on 2944 x 1920 px and the demo's on 368 x 240 px; only
the sizes in conf/gmic differ. Outputs name their class (ByClass) instead of numbering it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from mammo.geometry import Frame
from mammo.io import runtime_errors_as
from mammo.models.resnet import PreActResNet, ResNet, checkpoint_stages
from mammo.records import MammoError


@dataclass(frozen=True)
class GmicSizes:
    """Sizes of all layers; the defaults are those of the published network of 14,110,322 parameters.

    Attributes:
        stem: kernel and stride of the global trunk's first convolution.
        stem_width: its channels.
        widths: channels of the global trunk's stages.
        strides: strides of the global trunk's stages.
        blocks: blocks in each stage of the global trunk.
        local_widths: channels of the local trunk's stages.
        attention: hidden units of the gated attention.
        top_share: share t of the grid's cells that is averaged into the global prediction (the five released models
            have 0.02, 0.03, 0.03, 0.05 and 0.1).
        n_regions: regions of interest K.
        region_cells: side of a region in grid cells.
        breast_only: whether the maps are 0 in cells of air. The published maps learn to be 0 there because cancers are
            rare. If every other image shows one, the top cells, which then hold the base rate, would lie in air.
        base_logit: added to the logit of the top cells' mean in the global prediction. Above 0, the maps of images
            without lesions can stay near 0 although lesions are common. At 0 they hold the base rate in cells that
            every image has, on the skin, and may learn nothing else.
        map_logit: added to the logit of every cell. At 0 all cells start near 0.5, and the first epochs only darken
            them. Below 0 they start dark.
    """

    stem: Sequence[int] = (7, 2)
    stem_width: int = 16
    widths: Sequence[int] = (16, 32, 64, 128, 256)
    strides: Sequence[int] = (1, 2, 2, 2, 2)
    blocks: int = 2
    local_widths: Sequence[int] = (64, 128, 256, 512)
    attention: int = 128
    top_share: float = 0.02
    n_regions: int = 6
    region_cells: int = 4
    breast_only: bool = False
    base_logit: float = 0.0
    map_logit: float = 0.0


class ByClass(NamedTuple):
    """One tensor [B, ...] for each class: "shows a malignant lesion" and "shows a benign lesion"."""

    malignant: Tensor
    benign: Tensor

    @classmethod
    def of(cls, channels: Tensor) -> "ByClass":
        """Split channels [B, 2, ...], malignant first, as all tensors inside mammo."""
        return cls(*channels.unbind(dim=1))

    def stacked(self) -> Tensor:
        """[B, 2, ...], malignant first."""
        return torch.stack(self, dim=1)


class GmicOutput(NamedTuple):
    """Output of one forward pass."""

    saliency: ByClass
    """Saliency maps [B, rows, cols] in [0, 1] on the grid of the network window."""
    y_global: ByClass
    """Probabilities [B] from the top cells of the saliency maps."""
    y_local: ByClass
    """Probabilities [B] from the regions of interest."""
    y_fusion: ByClass
    """Probabilities [B] from the whole image and the regions: the prediction of the network."""
    regions: Tensor
    """int64 [B, K, 2], upper left pixel (row, col) of each region of interest in the network window."""
    attention: Tensor
    """[B, K] in [0, 1], weight of each region; the sum over K is 1."""


class Gmic(nn.Module):
    """Global trunk, saliency head, top-t pooling, greedy regions, local trunk, gated attention, fusion.

    Probabilities are float32 in mixed precision, too: half precision would round them to 0 and 1.

    Args:
        sizes: sizes of the layers.
        frame: the network window; the strides of the global trunk must give its grid.
        checkpoint_activations: recompute the activations inside the trunks' stages in backward instead of storing them.

    Raises:
        MammoError: the strides do not give the grid, or a region does not fit into it.
    """

    def __init__(self, sizes: GmicSizes, frame: Frame, checkpoint_activations: bool = False) -> None:
        super().__init__()
        self.sizes, self.frame = sizes, frame
        kernel, stride = sizes.stem
        self.trunk = PreActResNet(
            1, (kernel, stride), sizes.stem_width, True, sizes.widths, sizes.strides, sizes.blocks
        )
        self.head = nn.Conv2d(self.trunk.num_features, len(ByClass._fields), 1, bias=False)
        self.local = ResNet(sizes.local_widths)
        features = self.local.num_features
        self.attention_v = nn.Linear(features, sizes.attention, bias=False)
        self.attention_u = nn.Linear(features, sizes.attention, bias=False)
        self.attention_w = nn.Linear(sizes.attention, 1, bias=False)
        self.local_classifier = nn.Linear(features, len(ByClass._fields), bias=False)
        self.fusion = nn.Linear(self.trunk.num_features + features, len(ByClass._fields))
        grid = self.trunk.output_shape(frame.height, frame.width)
        if grid != frame.grid:
            raise MammoError(
                f"the context network gives {grid} maps but the grid is {frame.grid}: choose gmic.strides so that "
                "their product with the strides of stem and pool is the cell_px of the frame"
            )
        if sizes.region_cells > min(frame.grid):
            raise MammoError(
                f"gmic.region_cells={sizes.region_cells}: a region does not fit into the grid of {frame.grid} cells: "
                f"give at most {min(frame.grid)}"
            )
        if checkpoint_activations:
            checkpoint_stages(self.trunk.layer_list)
            checkpoint_stages(self.local.stage_list)

    def load_global_trunk(self, weights: Mapping[str, Tensor]) -> None:
        """Load the global trunk's weights [O, ...], by their names in this network, and no others.

        Raises:
            MammoError: one is missing or has another shape.
        """
        own = self.trunk.state_dict()
        given = {key: weights.get(f"trunk.{key}") for key in own}
        for key, weight in given.items():
            if weight is None or weight.shape != own[key].shape:
                found = "is missing" if weight is None else f"has the shape {list(weight.shape)}"
                raise MammoError(f"trunk.{key} {found}, and needs {list(own[key].shape)}")
        self.trunk.load_state_dict(given)

    def load_local_trunk(self, weights: Mapping[str, Tensor]) -> None:
        """Load the weights [O, ...] of a ResNet-18 without classifier into the local trunk.

        Raises:
            MammoError: names or shapes differ.
        """
        try:
            with runtime_errors_as(ValueError):
                self.local.load_state_dict(dict(weights))
        except ValueError as error:
            reason = " ".join(str(error).split())
            raise MammoError(
                f"the local trunk (gmic.local_widths={list(self.sizes.local_widths)}) cannot start from these "
                f"ResNet-18 weights: set gmic.local_init=he ({reason})"
            ) from error

    def forward(self, image: Tensor) -> GmicOutput:
        """Saliency maps [B, rows, cols] and predictions [B] of images.

        Args:
            image: float [B, 1, H, W] of the network window, standardized (context_network.standardized).

        Raises:
            MammoError: the images do not have the size of the frame.
        """
        if image.shape[1:] != (1, self.frame.height, self.frame.width):
            height, width = self.frame.height, self.frame.width
            raise MammoError(f"images {tuple(image.shape)} are not [B, 1, {height}, {width}], the network window")
        features = self.trunk(image)
        saliency = torch.sigmoid(self.head(features).float() + self.sizes.map_logit)
        if self.sizes.breast_only:
            saliency = saliency * self._breast_cells(image)
        cells = greedy_regions(saliency, self.sizes.region_cells, self.sizes.n_regions)
        crops = region_crops(image, cells, self.sizes.region_cells, self.frame.cell_px)
        local, attention = self._attend(crops)
        fused = torch.cat([features.amax(dim=(2, 3)), local], dim=1)
        return GmicOutput(
            saliency=ByClass.of(saliency),
            y_global=ByClass.of(self._pool_top_cells(saliency)),
            y_local=ByClass.of(torch.sigmoid(self.local_classifier(local).float())),
            y_fusion=ByClass.of(torch.sigmoid(self.fusion(fused).float())),
            regions=cells * self.frame.cell_px,
            attention=attention,
        )

    def _breast_cells(self, image: Tensor) -> Tensor:
        """Bool [B, 1, rows, cols], cells with a pixel above the minimum of the image, the value of air."""
        return functional.max_pool2d(image, self.frame.cell_px) > image.amin(dim=(2, 3), keepdim=True)

    def _pool_top_cells(self, saliency: Tensor) -> Tensor:
        """The global prediction [B, 2]: the mean of each map's top cells, its logit raised by base_logit."""
        cells = saliency.flatten(2)
        n_top = max(1, round(cells.shape[2] * self.sizes.top_share))
        mean = cells.topk(n_top, dim=2).values.mean(dim=2)
        return torch.sigmoid(torch.logit(mean, eps=1e-6) + self.sizes.base_logit) if self.sizes.base_logit else mean

    def _attend(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Attention-weighted mean [B, features] of the vectors of the regions, and the weights [B, K].

        The local trunk reads three copies of each gray crop [B, K, side, side].
        """
        batch, n_regions = crops.shape[:2]
        h = self.local(crops.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)).unflatten(0, (batch, n_regions))
        gate = torch.sigmoid(self.attention_u(h)) * torch.tanh(self.attention_v(h))
        weight = torch.softmax(self.attention_w(gate), dim=1)
        return (weight * h).sum(dim=1), weight[..., 0]


@torch.no_grad()
def greedy_regions(saliency: Tensor, side: int, n_regions: int) -> Tensor:
    """Select the squares of the grid with the most saliency, one after the other; without gradient.

    The map of each class is stretched to [0, 1] over the image (a constant map becomes 0) and the classes are summed.
    Then the square with the largest sum is selected and set to 0, n_regions times; of equal squares the first wins.

    Args:
        saliency: [B, classes, rows, cols].
        side: side of a square in cells.
        n_regions: number of squares.

    Returns:
        int64 [B, n_regions, 2], (row, col) of each square's upper left cell.
    """
    low = saliency.amin(dim=(2, 3), keepdim=True)
    span = saliency.amax(dim=(2, 3), keepdim=True) - low
    left = ((saliency - low) / span.clamp(min=torch.finfo(saliency.dtype).tiny)).sum(dim=1, keepdim=True)
    rows = torch.arange(saliency.shape[2], device=saliency.device)[None, :, None]
    cols = torch.arange(saliency.shape[3], device=saliency.device)[None, None, :]
    found = []
    for _ in range(n_regions):
        sums = functional.avg_pool2d(left, side, stride=1)
        best = sums.flatten(1).argmax(dim=1)
        row, col = (best // sums.shape[3])[:, None, None], (best % sums.shape[3])[:, None, None]
        erased = (rows >= row) & (rows < row + side) & (cols >= col) & (cols < col + side)
        left = left.masked_fill(erased[:, None], 0.0)
        found.append(torch.stack([row[:, 0, 0], col[:, 0, 0]], dim=1))
    return torch.stack(found, dim=1)


def region_crops(image: Tensor, regions: Tensor, side: int, cell_px: int) -> Tensor:
    """Crop an image at regions of the grid.

    Args:
        image: [B, 1, H, W].
        regions: int64 [B, n_regions, 2], (row, col) of each region's upper left cell.
        side: side of a region in cells.
        cell_px: side of a cell in pixels.

    Returns:
        [B, n_regions, side * cell_px, side * cell_px].
    """
    crop_px = side * cell_px
    every = image[:, 0].unfold(1, crop_px, cell_px).unfold(2, crop_px, cell_px)
    batch = torch.arange(len(image), device=image.device)[:, None]
    return every[batch, regions[..., 0], regions[..., 1]]
