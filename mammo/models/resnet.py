"""ResNet trunks of the context network: post-activation for its local module, pre-activation for its global one.

At full width they are ResNet-18 and the ResNet-22 of GMIC: no normalization after the first convolution, an unpadded
max pool, and in the first block of every stage a 1x1 convolution shortcut that reads the activated input. A small
pre-activation trunk is also a backbone of f_loc. Activation checkpointing trains their stages in less memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class BasicBlock(nn.Module):
    """conv3x3-BN-ReLU-conv3x3-BN plus shortcut, then ReLU (post-activation)."""

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != channels:
            shortcut = nn.Conv2d(in_channels, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] to [B, channels, H / stride, W / stride]."""
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + shortcut)


class ResNet(nn.Module):
    """7x7 convolution of stride 2, 3x3 max pool of stride 2, one stage per width, no classifier.

    Args:
        widths: channels of each stage; every stage but the first halves the resolution. ResNet-18: 64, 128, 256, 512.
        blocks: blocks in each stage.
    """

    def __init__(self, widths: Sequence[int], blocks: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = widths[0]
        names = [f"layer{number}" for number in range(1, len(widths) + 1)]
        for name, width in zip(names, widths, strict=True):
            stage = [BasicBlock(channels, width, 1 if name == names[0] else 2)]
            stage += [BasicBlock(width, width, 1) for _ in range(blocks - 1)]
            self.add_module(name, nn.Sequential(*stage))
            channels = width
        self.num_features = channels
        self._stage_names = names
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def stage_list(self) -> list[nn.Module]:
        """The stages, in order."""
        return [self.get_submodule(name) for name in self._stage_names]

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, 3, H, W] to vectors [B, num_features], the mean over positions."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        for stage in self.stage_list:
            x = stage(x)
        return x.mean(dim=(2, 3))


class PreActBlock(nn.Module):
    """BN-ReLU-conv3x3-BN-ReLU-conv3x3 plus shortcut; the first block of a stage changes width and stride."""

    def __init__(self, in_channels: int, channels: int, stride: int, first: bool) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.downsample = nn.Sequential(nn.Conv2d(in_channels, channels, 1, stride, bias=False)) if first else None

    def forward(self, x: Tensor) -> Tensor:
        """[B, in_channels, H, W] to [B, channels, H / stride, W / stride]."""
        active = self.bn1(x).relu_()  # in place, here and below: the same bits, less memory
        shortcut = x if self.downsample is None else self.downsample(active)
        out: Tensor = self.conv2(self.bn2(self.conv1(active)).relu_())
        return out.add_(shortcut)


class PreActResNet(nn.Module):
    """First convolution, optional max pool, stages of pre-activation blocks, final BN and ReLU; no classifier.

    Args:
        in_chans: channels of the input.
        stem: kernel and stride of the first convolution.
        stem_width: its channels.
        pool: whether an unpadded 3x3 max pool of stride 2 follows it.
        widths: channels of each stage.
        strides: stride of each stage's first block.
        blocks: blocks in each stage.
    """

    def __init__(
        self,
        in_chans: int,
        stem: tuple[int, int],
        stem_width: int,
        pool: bool,
        widths: Sequence[int],
        strides: Sequence[int],
        blocks: int = 2,
    ) -> None:
        super().__init__()
        kernel, stride = stem
        self.first_conv = nn.Conv2d(in_chans, stem_width, kernel, stride, padding=kernel // 2, bias=False)
        self.first_pool = nn.MaxPool2d(3, stride=2) if pool else nn.Identity()
        self.layer_list = nn.ModuleList()
        channels = stem_width
        for width, stage_stride in zip(widths, strides, strict=True):
            stage = [PreActBlock(channels, width, stage_stride, first=True)]
            stage += [PreActBlock(width, width, 1, first=False) for _ in range(blocks - 1)]
            self.layer_list.append(nn.Sequential(*stage))
            channels = width
        self.final_bn = nn.BatchNorm2d(channels)
        self.num_features = channels

    def output_shape(self, height: int, width: int) -> tuple[int, int]:
        """(rows, cols) of the features of an image of (height, width) px."""
        return self._reduced(height), self._reduced(width)

    def _reduced(self, n: int) -> int:
        n = (n - 1) // self.first_conv.stride[0] + 1
        if isinstance(self.first_pool, nn.MaxPool2d):
            n = (n - 3) // 2 + 1
        for stage in self.layer_list:
            n = (n - 1) // stage[0].conv1.stride[0] + 1  # type: ignore[index]
        return n

    def forward(self, x: Tensor) -> Tensor:
        """Images [B, in_chans, H, W] to features [B, num_features, h, w], at least 0."""
        x = self.first_pool(self.first_conv(x))
        for stage in self.layer_list:
            x = stage(x)
        features: Tensor = self.final_bn(x)
        return features.relu_()


def checkpoint_stages(stages: Iterable[nn.Module]) -> None:
    """Make each stage store only its input in training and recompute its activations in backward.

    The result is the same to the last bit; training takes less memory and a second forward pass.
    """
    for stage in stages:
        stage.forward = _Recomputed(stage)


class _Recomputed:
    """The forward of a stage, run under activation checkpointing in training."""

    def __init__(self, stage: nn.Module) -> None:
        self.stage, self.forward = stage, stage.forward

    def __call__(self, x: Tensor) -> Tensor:
        if not self.stage.training:
            direct: Tensor = self.forward(x)
            return direct
        out: Tensor = checkpoint(self.forward, x, use_reentrant=False, context_fn=self._contexts)
        return out

    def _contexts(self) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _frozen_running_statistics(self.stage)


@contextmanager
def _frozen_running_statistics(stage: nn.Module) -> Iterator[None]:
    """Keep the second forward pass from updating the running statistics a second time."""
    norms = [module for module in stage.modules() if isinstance(module, nn.BatchNorm2d | nn.SyncBatchNorm)]
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
