"""The local trunk at full width is torchvision's ResNet-18 without its classifier."""

import pytest
import torch
from torch.nn import functional
from torchvision.models import resnet18

from mammo.models.resnet import PreActBlock, PreActResNet, ResNet, _frozen_running_statistics


def test_full_width_is_resnet18_without_its_classifier() -> None:
    torch.manual_seed(0)
    reference = resnet18().eval()
    weights = {name: value for name, value in reference.state_dict().items() if not name.startswith("fc.")}
    for name, value in weights.items():
        if name.endswith("running_mean"):
            value.normal_(std=0.1)
    ours = ResNet((64, 128, 256, 512)).eval()
    assert list(ours.state_dict()) == list(weights)
    ours.load_state_dict(weights)
    reference.fc = torch.nn.Identity()
    x = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        assert torch.allclose(ours(x), reference(x), atol=1e-5)
    assert ours.num_features == 512


def test_widths_set_the_number_of_features() -> None:
    ours = ResNet((8, 16))
    assert ours(torch.randn(3, 3, 32, 32)).shape == (3, 16)
    assert ours.num_features == 16


def test_the_full_network_gives_the_papers_grid_for_the_papers_image() -> None:
    with torch.device("meta"):
        trunk = PreActResNet(1, (7, 2), 16, True, (16, 32, 64, 128, 256), (1, 2, 2, 2, 2))
        assert trunk(torch.zeros(1, 1, 2944, 1920)).shape == (1, 256, 46, 30)
    assert trunk.num_features == 256
    assert sum(module.__class__.__name__ == "Conv2d" for module in trunk.modules()) == 1 + 5 * (2 * 2 + 1)


@pytest.mark.parametrize(("stride", "width", "first"), [(1, 4, False), (2, 6, True), (1, 4, True)])
def test_a_block_is_bn_relu_conv_twice_plus_shortcut(stride: int, width: int, first: bool) -> None:
    torch.manual_seed(0)
    block = PreActBlock(4, width, stride, first).double().eval()
    for norm in (block.bn1, block.bn2):
        torch.nn.init.uniform_(norm.running_mean)
        torch.nn.init.uniform_(norm.weight)
    x = torch.randn(2, 4, 8, 6, dtype=torch.float64)

    def activated(values: torch.Tensor, norm: torch.nn.BatchNorm2d) -> torch.Tensor:
        mean, var = norm.running_mean[:, None, None], norm.running_var[:, None, None]
        return ((values - mean) / (var + norm.eps).sqrt() * norm.weight[:, None, None]).clamp(min=0)

    active = activated(x, block.bn1)
    inner = functional.conv2d(active, block.conv1.weight, stride=stride, padding=1)
    expected = functional.conv2d(activated(inner, block.bn2), block.conv2.weight, padding=1)
    expected = expected + (functional.conv2d(active, block.downsample[0].weight, stride=stride) if first else x)
    assert torch.allclose(block(x), expected, atol=1e-10)


def test_features_are_at_least_0() -> None:
    trunk = PreActResNet(3, (3, 1), 8, False, (8, 16), (1, 2), blocks=1)
    features = trunk(torch.randn(2, 3, 32, 32))
    assert features.shape == (2, 16, 16, 16)
    assert features.min().item() >= 0


def test_recomputing_a_stage_leaves_the_statistics_of_synchronized_normalization() -> None:
    stage = torch.nn.SyncBatchNorm.convert_sync_batchnorm(torch.nn.Sequential(torch.nn.BatchNorm2d(3)))
    norm = stage[0]
    with _frozen_running_statistics(stage):
        assert norm.momentum == 0  # SyncBatchNorm itself runs on GPUs only
    assert norm.momentum == 0.1
