"""The local trunk at full width is torchvision's ResNet-18 without its classifier."""

import torch
from torchvision.models import resnet18

from mammo.models.resnet import ResNet


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
