"""ResNet trunk of the context network's local module: ResNet-18 at full width, with configurable widths."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


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
