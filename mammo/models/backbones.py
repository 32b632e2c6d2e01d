"""Backbones of f_loc by name: any timm network (`name.tag`), or the small pre-activation trunk for small patches."""

import os
from collections.abc import Mapping
from typing import Any, Literal

import timm
import torch
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn

from mammo.models.preact_resnet import PreActResNet
from mammo.records import MammoError

SMALL = "preact_resnet"
"""Name of the one backbone that is not timm's."""


class Backbone(nn.Module):
    """Grey patches in, one pooled feature vector out.

    The patch is scaled to [0, 1], copied to three channels (paper, Transfer learning) and normalised as the weights
    expect.

    Args:
        name: timm's `name.tag`, or "preact_resnet".
        init: "imagenet" for the tag's weights, "he" for He initialisation.
        pretrained_file: a local file of the tag's weights, for machines without network.
        arguments: numbers of the small trunk, or arguments of timm's constructor.

    Raises:
        MammoError: the name is unknown, or its weights do not exist or cannot be had.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        init: Literal["imagenet", "he"],
        pretrained_file: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        given = dict(arguments or {})
        if init not in ("imagenet", "he"):
            raise MammoError(f"backbone.init={init}: choose imagenet or he")
        if name == SMALL:
            if init == "imagenet":
                raise MammoError(f"backbone.name={name} has no ImageNet weights: set backbone.init=he")
            self.network: nn.Module = nn.Sequential(PreActResNet(3, **given), nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.num_features, mean, std = given["widths"][-1], (0.5,) * 3, (0.25,) * 3
        else:
            self.network = _timm_network(name, init == "imagenet", pretrained_file, given)
            self.num_features = int(self.network.num_features)  # type: ignore[arg-type]
            expected = resolve_model_data_config(self.network)  # type: ignore[no-untyped-call]
            mean, std = expected["mean"], expected["std"]
        if init == "he":
            he_initialise(self.network)
        self.register_buffer("mean", torch.tensor(mean)[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[None, :, None, None], persistent=False)

    def forward(self, patch: Tensor) -> Tensor:
        """Patches [B, 1, P, P] in [0, 1] to features [B, num_features]."""
        features: Tensor = self.network((patch.expand(-1, 3, -1, -1) - self.mean) / self.std)
        return features


def he_initialise(network: nn.Module) -> None:
    """He initialisation of every convolution and linear layer: normal, fan-in, for ReLU (He et al. 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _timm_network(name: str, pretrained: bool, file: str | None, arguments: Mapping[str, Any]) -> nn.Module:
    """Timm's network without its classifier."""
    known = timm.is_model(name.split(".")[0])
    if not known:
        raise MammoError(f"backbone.name={name} is not a timm model: see the files in conf/backbone")
    weights = timm.models.get_pretrained_cfg(name)
    if pretrained and file is None and (weights is None or not weights.has_weights):
        raise MammoError(
            f"no ImageNet weights exist for {name}: train it with backbone.init=he, or name a file of your own with "
            "backbone.pretrained_file="
        )
    if file is not None and not os.path.isfile(file):
        raise MammoError(f"backbone.pretrained_file={file} does not exist")
    overlay = {"file": file} if pretrained and file is not None else None
    try:
        return timm.create_model(
            name, pretrained=pretrained, num_classes=0, pretrained_cfg_overlay=overlay, **dict(arguments)
        )
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise MammoError(
            f"the ImageNet weights of {name} cannot be had ({type(error).__name__}): give a downloaded file with "
            "backbone.pretrained_file=, or train from scratch with backbone.init=he"
        ) from error
