"""Backbones of f_loc by name: any timm network (`name.tag`), or a small pre-activation ResNet for small patches."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mammo.models.gray_convolution import fold_channels, foldable_convolution
from mammo.models.preact_resnet import PreActResNet
from mammo.records import MammoError

SMALL = "preact_resnet"
"""Name of the only backbone that is not from timm."""


class Backbone(nn.Module):
    """A convolutional network that turns a gray patch into one pooled feature vector.

    The network sees three copies of the patch (paper, Transfer learning), each normalized as its weights expect. By
    default the first convolution folds the three copies into one; the result differs by rounding only.

    Args:
        name: timm's `name.tag`, or "preact_resnet".
        init: "imagenet" for the tag's weights, "he" for He initialization.
        pretrained_file: a local file of the tag's weights, for machines without internet access.
        arguments: arguments of PreActResNet, or of timm's constructor.
        channels: 1 to fold the three channels into one if the first convolution allows it, 3 to keep them.

    Raises:
        MammoError: the name is unknown, or its weights do not exist or cannot be loaded.
    """

    network: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        init: Literal["imagenet", "he"],
        pretrained_file: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        channels: Literal[1, 3] = 1,
    ) -> None:
        super().__init__()
        given = dict(arguments or {})
        if init not in ("imagenet", "he"):
            raise MammoError(f"backbone.init={init}: choose imagenet or he")
        if channels not in (1, 3):
            raise MammoError(f"backbone.channels={channels}: choose 1 or 3")
        if name == SMALL and init == "imagenet":
            raise MammoError(f"backbone.name={name} has no ImageNet weights: set backbone.init=he")
        try:
            self.network = (
                nn.Sequential(PreActResNet(3, **given), nn.AdaptiveAvgPool2d(1), nn.Flatten())
                if name == SMALL
                else _timm_network(name, init == "imagenet", pretrained_file, given)
            )
        except TypeError as error:
            raise MammoError(f"backbone.arguments={given}: {name} does not take them ({error})") from error
        if name == SMALL:
            self.num_features, mean, std = given["widths"][-1], (0.5,) * 3, (0.25,) * 3
        else:
            from timm.data.config import resolve_model_data_config  # slow to import: only for networks from timm

            self.num_features = int(self.network.num_features)  # type: ignore[arg-type]
            expected = resolve_model_data_config(self.network)  # type: ignore[no-untyped-call]
            mean, std = expected["mean"], expected["std"]
        if init == "he":
            he_initialize(self.network)
        convolution = foldable_convolution(self.network) if channels == 1 else None
        self.is_folded = convolution is not None
        if convolution is not None:
            fold_channels(self.network, convolution, mean, std)
        self.register_buffer("mean", torch.tensor(mean)[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[None, :, None, None], persistent=False)

    def forward(self, patch: Tensor) -> Tensor:
        """Patches [B, 1, P, P] in [0, 1] to features [B, num_features]."""
        x = patch if self.is_folded else (patch.expand(-1, 3, -1, -1) - self.mean) / self.std
        features: Tensor = self.network(x)
        return features


def he_initialize(network: nn.Module) -> None:
    """He initialization of every convolution and linear layer: normal, fan-in, for ReLU (He et al. 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def pretrained_state(name: str, file: str | None) -> dict[str, Tensor]:
    """The weights [O, ...] by name of a timm network without its classifier, from the file if one is given.

    Raises:
        MammoError: as Backbone.
    """
    return _timm_network(name, pretrained=True, file=file, arguments={}).state_dict()


def _timm_network(name: str, pretrained: bool, file: str | None, arguments: Mapping[str, Any]) -> nn.Module:
    """Build timm's network without its classifier."""
    import timm  # slow to import: only for networks that come from timm

    architecture = name.split(".")[0]
    if not timm.is_model(architecture):
        raise MammoError(f"backbone.name={name} is not a timm model: see the files in conf/backbone")
    tagged = timm.list_pretrained(f"{architecture}.*")
    if name not in (architecture, *tagged):
        choices = ", ".join([architecture, *tagged])
        raise MammoError(f"backbone.name={name} has a tag unknown to timm: choose from {choices}")
    if file is not None and not os.path.isfile(file):
        raise MammoError(f"backbone.pretrained_file={file} does not exist")
    build = partial(timm.create_model, name, num_classes=0, **arguments)
    if not pretrained:
        return build()
    if file is not None:
        return _network_of_file(build, name, file)
    if not tagged:
        raise MammoError(
            f"no ImageNet weights exist for {name}: train it with backbone.init=he, or give your own file with "
            "backbone.pretrained_file="
        )
    try:
        return build(pretrained=True)
    except (OSError, RuntimeError) as error:
        raise MammoError(
            f"the ImageNet weights of {name} cannot be downloaded ({type(error).__name__}): give a local file with "
            "backbone.pretrained_file=, or train from scratch with backbone.init=he"
        ) from error


def _network_of_file(build: Callable[..., nn.Module], name: str, file: str) -> nn.Module:
    """Build the network with the weights of a file, and check that the file holds all of them.

    timm keeps random values for weights that a file lacks. Two networks are built from the same random numbers: a
    kernel that is equal in both after loading was not in the file.
    """
    advice = f"give the file of {name}, or train from scratch with backbone.init=he"
    with torch.random.fork_rng(devices=[]):
        start = build()
    try:
        network = build(pretrained=True, pretrained_cfg_overlay={"file": file})
    except Exception as error:  # each file format and loader raises errors of its own
        problem = f"backbone.pretrained_file={file} cannot be read as weights of {name} ({type(error).__name__})"
        raise MammoError(f"{problem}: {advice}") from error
    for (key, weight), before in zip(network.named_parameters(), start.parameters(), strict=True):
        if weight.ndim > 1 and torch.equal(weight, before):
            raise MammoError(f"backbone.pretrained_file={file} lacks {key} of {name}: {advice}")
    return network
