"""The Globally-Aware Multiple Instance Classifier: a global trunk that gives saliency maps, a local one for regions.

The same class is the 14,110,322-parameter network on 2944 x 1920 images and the demo's on 368 x 240: only numbers in
conf/gmic differ. Outputs are told by class, never by number.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mammo.geometry import Frame
from mammo.models.preact_resnet import PreActResNet
from mammo.models.regions import greedy_regions, region_crops
from mammo.models.resnet import ResNet
from mammo.records import MammoError


@dataclass(frozen=True)
class GmicSizes:
    """Every number of the network; the defaults are the published 14,110,322-parameter network's.

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
        breast_only: whether the maps are 0 in cells of air. The published maps learn to be dark there, as cancers are
            rare; where every other image shows one, their top cells, holding the base rate, would come to lie in air.
        base_logit: what the global prediction's logit adds to that of the top cells' mean. Above 0, maps of images that
            show nothing may be dark although lesions are common, instead of holding the base rate in some cells that
            every image has, on the skin, and learning nothing else.
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


class ByClass(NamedTuple):
    """What the network says of each class, [B, ...] each: of "shows a malignant lesion", of "shows a benign one"."""

    malignant: Tensor
    benign: Tensor

    @classmethod
    def of(cls, channels: Tensor) -> "ByClass":
        """From channels [B, 2, ...] in the order of this class, which is every tensor's order inside mammo."""
        return cls(*channels.unbind(dim=1))

    def stacked(self) -> Tensor:
        """[B, 2, ...], malignant first."""
        return torch.stack(self, dim=1)


class GmicOutput(NamedTuple):
    """What one forward pass gives; predictions are probabilities [B]."""

    saliency: ByClass
    """A [B, rows, cols] in [0, 1]."""
    y_global: ByClass
    y_local: ByClass
    y_fusion: ByClass
    regions: Tensor
    """int64 [B, K, 2], upper left pixel (row, col) of each region of interest in the network window."""
    attention: Tensor
    """[B, K], what each region counts; the sum over K is 1."""


class Gmic(nn.Module):
    """Global trunk, saliency head, top-t pooling, greedy regions, local trunk, gated attention, fusion.

    Probabilities are computed in float32 whatever the precision of the rest: half precision rounds them to 0 and 1.

    Args:
        sizes: every number of the network.
        frame: the network window; the trunk's strides must give its grid.
        checkpoint_activations: recompute the trunks' stages in backward instead of keeping what is inside them.

    Raises:
        MammoError: the strides do not give the grid.
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
                "their product with the stem's and the pool's is the frame's cell_px"
            )
        if checkpoint_activations:
            checkpoint_stages(self.trunk.layer_list)
            checkpoint_stages(self.local.stages)

    def load_local_trunk(self, weights: Mapping[str, Tensor]) -> None:
        """Start the local trunk from the weights of a ResNet-18 without classifier.

        Raises:
            MammoError: they do not fit it.
        """
        try:
            self.local.load_state_dict(dict(weights))
        except RuntimeError as error:
            told = " ".join(str(error).split())
            raise MammoError(
                f"the local trunk (gmic.local_widths={list(self.sizes.local_widths)}) cannot start from these "
                f"ResNet-18 weights: set gmic.local_init=he ({told})"
            ) from error

    def forward(self, image: Tensor) -> GmicOutput:
        """Standardized images [B, 1, H, W] of the network window to saliency maps and predictions.

        Raises:
            MammoError: the images are not of the frame's size.
        """
        if image.shape[1:] != (1, self.frame.height, self.frame.width):
            height, width = self.frame.height, self.frame.width
            raise MammoError(f"images {tuple(image.shape)} are not [B, 1, {height}, {width}], the network window")
        features = self.trunk(image)
        saliency = torch.sigmoid(self.head(features).float())
        if self.sizes.breast_only:
            saliency = saliency * self._lit(image)
        cells = greedy_regions(saliency, self.sizes.region_cells, self.sizes.n_regions)
        crops = region_crops(image, cells, self.sizes.region_cells, self.frame.cell_px)
        local, attention = self._attend(crops)
        fused = torch.cat([features.amax(dim=(2, 3)), local], dim=1)
        return GmicOutput(
            saliency=ByClass.of(saliency),
            y_global=ByClass.of(self._by_top(saliency)),
            y_local=ByClass.of(torch.sigmoid(self.local_classifier(local).float())),
            y_fusion=ByClass.of(torch.sigmoid(self.fusion(fused).float())),
            regions=cells * self.frame.cell_px,
            attention=attention,
        )

    def _lit(self, image: Tensor) -> Tensor:
        """Bool [B, 1, rows, cols], the cells in which an image shows more than its least value, the air's."""
        return functional.max_pool2d(image, self.frame.cell_px) > image.amin(dim=(2, 3), keepdim=True)

    def _by_top(self, saliency: Tensor) -> Tensor:
        """The global prediction [B, 2]: the mean of each map's top cells, or more where the base rate is set apart."""
        cells = saliency.flatten(2)
        n_top = max(1, round(cells.shape[2] * self.sizes.top_share))
        mean = cells.topk(n_top, dim=2).values.mean(dim=2)
        return torch.sigmoid(torch.logit(mean, eps=1e-6) + self.sizes.base_logit) if self.sizes.base_logit else mean

    def _attend(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Attention-weighted mean [B, features] of the regions' vectors, and the weights [B, K].

        Gray crops become three channels.
        """
        batch, n_regions = crops.shape[:2]
        h = self.local(crops.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)).unflatten(0, (batch, n_regions))
        gate = torch.sigmoid(self.attention_u(h)) * torch.tanh(self.attention_v(h))
        weight = torch.softmax(self.attention_w(gate), dim=1)
        return (weight * h).sum(dim=1), weight[..., 0]


def checkpoint_stages(stages: Iterable[nn.Module]) -> None:
    """Make each stage, in training, keep its input only and compute the rest once more in backward."""
    for stage in stages:
        stage.forward = _Recomputed(stage)


class _Recomputed:
    """A stage's forward, run under checkpointing while the stage is in training."""

    def __init__(self, stage: nn.Module) -> None:
        self.stage, self.plain = stage, stage.forward

    def __call__(self, x: Tensor) -> Tensor:
        if not self.stage.training:
            plain: Tensor = self.plain(x)
            return plain
        out: Tensor = checkpoint(self.plain, x, use_reentrant=False, context_fn=self._contexts)
        return out

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _statistics_at_rest(self.stage)


@contextmanager
def _statistics_at_rest(stage: nn.Module) -> Iterator[None]:
    """Keep the second pass from moving the running statistics a second time."""
    norms = [module for module in stage.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            if norm.num_batches_tracked is not None:
                norm.num_batches_tracked.sub_(1)
