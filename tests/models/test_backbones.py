"""Backbones: every file of conf/backbone gives one vector per patch, and missing weights are an error."""

from pathlib import Path
from typing import Literal

import pytest
import timm
import torch
from omegaconf import OmegaConf

from mammo.cli.hydra_app import CONF
from mammo.models.backbones import Backbone, he_initialize
from mammo.models.gray_convolution import GrayConvolution
from mammo.records import MammoError

LARGE = {"densenet161", "resnetv2_101", "resnetv2_152"}
CHOICES = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in LARGE else [])
    for path in sorted((CONF / "backbone").glob("*.yaml"))
    if path.stem != "timm"
]
SMALL = {"stem": [3, 1], "stem_width": 8, "pool": False, "widths": [8, 16], "strides": [1, 2], "blocks": 1}


@pytest.mark.parametrize("path", CHOICES)
def test_every_choice_gives_one_vector_per_patch(path: Path) -> None:
    cfg = OmegaConf.load(path)
    backbone = Backbone(cfg.name, "he", arguments=OmegaConf.to_container(cfg.arguments)).eval()
    with torch.inference_mode():
        features = backbone(torch.rand(2, 1, 64, 64))
    assert features.shape == (2, backbone.num_features)
    assert features.isfinite().all()


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("densenet121.tv_in1k", 1024),
        ("densenet161.tv_in1k", 2208),
        ("densenet169.tv_in1k", 1664),
        ("resnetv2_50.a1h_in1k", 2048),
        ("resnetv2_101.a1h_in1k", 2048),
        ("resnetv2_152", 2048),
    ],
)
def test_the_six_backbones_of_the_paper_have_timms_names(name: str, features: int) -> None:
    assert OmegaConf.load(CONF / "backbone" / f"{name.split('.')[0]}.yaml").name == name
    with torch.device("meta"):
        assert timm.create_model(name, num_classes=0).num_features == features


def test_gray_becomes_three_normalized_channels() -> None:
    backbone = Backbone("densenet121.tv_in1k", "he", channels=3).eval()
    seen: list[torch.Tensor] = []
    backbone.network = torch.nn.Sequential(torch.nn.Identity())
    backbone.network.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    patch = torch.rand(2, 1, 8, 8)
    backbone(patch)
    for channel, (mean, std) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        assert torch.allclose(seen[0][:, channel], (patch[:, 0] - mean) / std, atol=1e-6)


def test_he_initialization_has_the_standard_deviation_of_he_et_al() -> None:
    torch.manual_seed(0)
    convolution, linear = torch.nn.Conv2d(32, 64, 3), torch.nn.Linear(400, 100)
    he_initialize(torch.nn.Sequential(convolution, linear))
    assert convolution.weight.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.05)
    assert linear.weight.std().item() == pytest.approx((2 / 400) ** 0.5, rel=0.05)
    assert not linear.bias.any()


def test_weights_are_loaded_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = timm.create_model("densenet121", num_classes=1000).state_dict()
    torch.save(weights, tmp_path / "weights.pth")
    backbone = Backbone("densenet121.tv_in1k", "imagenet", str(tmp_path / "weights.pth"))
    for name, value in backbone.network.state_dict().items():
        assert torch.equal(value, weights[name])


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_a_file_without_weights_is_rejected_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(MammoError, match=r"weights\.pth"):
        Backbone("densenet121.tv_in1k", "imagenet", str(path))


def test_weights_of_another_network_are_rejected(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(MammoError, match=r"weights\.pth"):
        Backbone("densenet121.tv_in1k", "imagenet", str(tmp_path / "weights.pth"))


@pytest.mark.parametrize(
    ("name", "init", "file", "message"),
    [
        (
            "densnet161",
            "he",
            None,
            r"backbone\.name=densnet161 is not a network of timm \(did you mean densenet161\?\)",
        ),
        ("convnxt_tiny.fb_in1k", "he", None, r"convnxt_tiny\.fb_in1k is not .* \(did you mean convnext_tiny\?\)"),
        (
            "densenet121.tv_in2k",
            "imagenet",
            None,
            r"tv_in2k has a tag .*\(did you mean densenet121\.tv_in1k\?\): choose",
        ),
        (
            "convnext_tiny",
            "imagenet",
            None,
            "convnext_tiny: name its weights, too, as in convnext_tiny.in12k_ft_in1k; ",
        ),
        ("resnetv2_152", "imagenet", None, "no ImageNet weights exist for resnetv2_152.*init=he.*pretrained_file="),
        ("preact_resnet", "imagenet", None, r"preact_resnet has no ImageNet weights: set backbone\.init=he"),
        ("densenet121.tv_in1k", "xavier", None, r"backbone\.init=xavier: choose imagenet or he"),
        ("densenet121.tv_in1k", "imagenet", "nowhere.pth", r"pretrained_file=nowhere\.pth does not exist"),
        ("densenet121.tv_in1k", "he", "nowhere.pth", r"nowhere\.pth"),
    ],
)
def test_an_unknown_or_missing_backbone_is_rejected(name: str, init: str, file: str | None, message: str) -> None:
    with pytest.raises(MammoError, match=message):
        Backbone(name, init, file, SMALL if name == "preact_resnet" else None)  # type: ignore[arg-type]


def test_a_failed_download_names_the_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(MammoError, match=r"densenet121\.tv_in1k cannot be downloaded .*pretrained_file=.*init=he"):
        Backbone("densenet121.tv_in1k", "imagenet")


def test_folding_the_channels_changes_rounding_only() -> None:
    arguments = {**SMALL, "stem_width": 16}
    torch.manual_seed(0)
    three = Backbone("preact_resnet", "he", arguments=arguments, channels=3).eval()
    torch.manual_seed(0)
    one = Backbone("preact_resnet", "he", arguments=arguments).eval()
    assert one.is_folded
    assert not three.is_folded
    assert one.state_dict().keys() == three.state_dict().keys()
    patch = torch.rand(3, 1, 32, 32)
    with torch.inference_mode():
        assert (one(patch) - three(patch)).abs().max() < 1e-5
    with pytest.raises(MammoError, match=r"backbone\.channels=2: choose 1 or 3"):
        Backbone("preact_resnet", "he", arguments=arguments, channels=2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "patch_px", "n_features", "is_folded"),
    [
        ("convnext_tiny.fb_in1k", 64, 768, True),
        ("tf_efficientnet_lite0.in1k", 64, 1280, False),  # its first convolution pads by itself
        ("vit_tiny_patch16_224", 64, 192, True),
        ("vit_tiny_patch16_224", 256, 192, True),
        ("mobilenetv3_small_050", 64, 1024, True),  # a layer between the pooling and the classifier
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_network_of_timm_is_a_backbone(
    name: str, patch_px: int, n_features: int, is_folded: bool, channels: Literal[1, 3]
) -> None:
    backbone = Backbone(name, "he", channels=channels, patch_px=patch_px)
    assert (backbone.num_features, backbone.is_folded) == (n_features, is_folded and channels == 1)
    assert backbone.training
    features = backbone(torch.rand(2, 1, patch_px, patch_px))
    assert features.shape == (2, n_features)
    features.sum().backward()


def test_trying_a_backbone_leaves_no_trace() -> None:
    states = []
    for patch_px in (None, 32):
        torch.manual_seed(0)
        backbone = Backbone("resnet18", "he", patch_px=patch_px)
        states.append(backbone.state_dict() | {"random": torch.rand(1)})
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name])


def test_a_network_that_needs_its_first_convolution_keeps_three_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    three = Backbone("resnet18", "he", channels=3, patch_px=32).eval()
    monkeypatch.setattr(GrayConvolution, "forward", lambda _, gray: gray.expand(-1, 64, -1, -1)[..., ::2, ::2])
    torch.manual_seed(0)
    kept = Backbone("resnet18", "he", patch_px=32).eval()
    assert not kept.is_folded
    patch = torch.rand(2, 1, 32, 32)
    assert torch.equal(kept(patch), three(patch))


@pytest.mark.parametrize(
    ("name", "arguments", "patch_px", "message"),
    [
        ("vit_tiny_patch16_224", {"img_size": 224}, 64, r"224 with patches of 64 x 64 px: the network fails \(Assert"),
        ("resnet18", {"global_pool": ""}, 64, r"the network gives \[1, 512, 2, 2\], not \[1, 512\] features"),
        ("convnext_tiny", {"nosuch": 1}, 64, r"backbone\.arguments=\{'nosuch': 1\}: convnext_tiny does not take them"),
    ],
)
def test_a_network_that_does_not_fit_the_patches_is_rejected(
    name: str, arguments: dict[str, object], patch_px: int, message: str
) -> None:
    with pytest.raises(MammoError, match=message):
        Backbone(name, "he", arguments=arguments, patch_px=patch_px)
