"""Pre-activation ResNet trunk of the context network's global module; a small one is also a backbone of f_loc.

At full width it is the ResNet-22 of GMIC: no normalization after the first convolution, an unpadded max pool, and in
the first block of every stage a 1x1 convolution shortcut that reads the activated input.
"""

from collections.abc import Sequence

from torch import Tensor, nn


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
