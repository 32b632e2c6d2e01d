"""Backbones of f_loc by name: any timm network (`name.tag`), or a small pre-activation ResNet for small patches."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mammo.io import did_you_mean_path
from mammo.models.gray_convolution import fold_channels, foldable_convolution
from mammo.models.resnet import PreActResNet
from mammo.models.weight_files import check_weight_file
from mammo.models.weight_hub import fetched
from mammo.models.weight_keys import BACKBONE, LOCAL_TRUNK, NoWeightsError, WeightKeys
from mammo.records import MammoError, did_you_mean

SMALL = "preact_resnet"
"""Name of the only backbone that is not from timm."""

CLOSE = 1e-3
"""How much folding may change the features of a patch, relative to their largest value; rounding changes 1e-6."""


class Backbone(nn.Module):
    """A network that turns a gray patch into one pooled feature vector.

    The network sees three copies of the patch (paper, Transfer learning), each normalized as its weights expect. By
    default the first convolution folds the three copies into one; the result differs by rounding only.

    Args:
        name: timm's `name.tag`, or "preact_resnet".
        init: "imagenet" for the tag's weights, "he" for He initialization.
        pretrained_file: a local file of the tag's weights, for machines without internet access.
        arguments: arguments of PreActResNet, or of timm's constructor.
        channels: 1 to fold the three channels into one if the first convolution allows it, 3 to keep them.
        patch_px: side of the patches; networks of a fixed image size are built for it, and the network is tried with
            one patch. None to do neither.

    Attributes:
        is_folded: whether the three channels are folded into one.

    Raises:
        MammoError: the name is unknown, its weights do not exist or cannot be loaded, or the network does not turn such
            a patch into one vector.
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
        patch_px: int | None = None,
    ) -> None:
        super().__init__()
        if init not in ("imagenet", "he"):
            raise MammoError(f"backbone.init={init}: choose imagenet or he")
        if channels not in (1, 3):
            raise MammoError(f"backbone.channels={channels}: choose 1 or 3")
        if name == SMALL and init == "imagenet":
            raise MammoError(f"backbone.name={name} has no ImageNet weights: set backbone.init=he")
        given = dict(arguments or {})
        if patch_px is not None and name != SMALL and _has_fixed_size(name):
            given.setdefault("img_size", patch_px)
        try:
            self.network, self.num_features, mean, std = _network(name, init == "imagenet", pretrained_file, given)
        except (TypeError, ValueError, AssertionError) as error:
            raise MammoError(f"backbone.arguments={given}: {name} does not take them ({error})") from error
        if init == "he":
            he_initialize(self.network)
        self.register_buffer("mean", torch.tensor(mean)[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[None, :, None, None], persistent=False)
        self.is_folded, self.patch_px = False, patch_px
        features = None if patch_px is None or self.mean.is_meta else self._tried(name)
        if channels == 1 and (convolution := foldable_convolution(self.network)) is not None:
            self._fold(convolution, mean, std, features)

    def forward(self, patch: Tensor) -> Tensor:
        """Patches [B, 1, P, P] in [0, 1] to features [B, num_features]."""
        x = patch if self.is_folded else (patch.expand(-1, 3, -1, -1) - self.mean) / self.std
        features: Tensor = self.network(x)
        return features

    def _tried(self, name: str) -> Tensor:
        """Features [1, num_features] of a random patch.

        Raises:
            MammoError: the network fails, or gives anything else.
        """
        place = f"backbone.name={name} with patches of {self.patch_px} x {self.patch_px} px"
        try:
            features = self._features_of_random_patch()
        except Exception as error:  # each network rejects image sizes with errors of its own
            reason = " ".join(str(error).split())
            raise MammoError(f"{place}: the network fails ({type(error).__name__}: {reason})") from error
        if features.shape != (1, self.num_features):
            raise MammoError(
                f"{place}: the network gives {list(features.shape)}, not [1, {self.num_features}] features"
            )
        return features

    def _features_of_random_patch(self) -> Tensor:
        """The features [1, num_features] of one patch in evaluation; nothing of the network changes."""
        side = self.patch_px or 0
        patch = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
        is_training = self.network.training
        self.network.eval()
        try:
            with torch.no_grad():
                return self(patch)  # type: ignore[no-any-return]
        finally:
            self.network.train(is_training)

    def _fold(self, convolution: str, mean: Sequence[float], std: Sequence[float], features: Tensor | None) -> None:
        """Fold the channels in the convolution of this name, unless the features [1, F] of the tried patch change."""
        parent, _, last = convolution.rpartition(".")
        original = self.network.get_submodule(convolution)
        fold_channels(self.network, convolution, mean, std)
        self.is_folded = True
        if features is None:
            return
        try:
            change = (self._features_of_random_patch() - features).abs().max()
            self.is_folded = bool(change <= CLOSE * features.abs().max())
        except Exception:  # a network that reads more of its first convolution than a GrayConvolution has
            self.is_folded = False
        if not self.is_folded:
            setattr(self.network.get_submodule(parent), last, original)


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
    return _timm_network(name, True, file, {}, LOCAL_TRUNK).state_dict()


def weights_repository(name: str, keys: WeightKeys) -> str | None:
    """The repository of a network's weights on timm's hub, as in timm/densenet161.tv_in1k; None if they lie elsewhere.

    Raises:
        NoWeightsError: the network has no weights.
        MammoError: timm has no such network, or no weights of this tag.
    """
    import timm  # slow to import: only for networks from timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        hint = did_you_mean(architecture, timm.list_models())
        raise MammoError(f"{keys.name}={name} is not a network of timm{hint}: timm.list_models() lists them all")
    tags = timm.list_pretrained(f"{architecture}.*")
    if not tags:
        raise NoWeightsError(
            f"no ImageNet weights exist for {name} in timm: set {keys.scratch}, or give your own file with {keys.file}="
        )
    if tag and name not in tags:
        raise MammoError(
            f"{keys.name}={name} has a tag unknown to timm{did_you_mean(name, tags)}: choose from {', '.join(tags)}"
        )
    default = timm.get_pretrained_cfg(name)
    if not tag:
        known = f"{architecture}.{default.tag}" if default else tags[0]
        raise MammoError(f"{keys.name}={name}: name its weights, too, as in {known}; choose from {', '.join(tags)}")
    return default.hf_hub_id if default else None


def lacks_weights(architecture: str) -> bool:
    """Whether an architecture is timm's, but has no ImageNet weights there."""
    if architecture == SMALL:
        return False
    try:
        weights_repository(architecture, BACKBONE)
    except NoWeightsError:
        return True
    except MammoError:  # no network of timm, or one whose weights need a tag
        return False
    return False


def _network(
    name: str, pretrained: bool, file: str | None, arguments: Mapping[str, Any]
) -> tuple[nn.Module, int, Sequence[float], Sequence[float]]:
    """A network without its classifier, the length of its feature vector, and each input channel's mean and SD."""
    if name == SMALL:
        small = nn.Sequential(PreActResNet(3, **arguments), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return small, arguments["widths"][-1], (0.5,) * 3, (0.25,) * 3
    network = _timm_network(name, pretrained, file, arguments, BACKBONE)
    from timm.data.config import resolve_model_data_config  # slow to import: only for networks from timm

    expected = resolve_model_data_config(network)  # type: ignore[no-untyped-call]
    # Not num_features: some networks have layers between the pooling and the classifier.
    return network, int(getattr(network, "head_hidden_size", network.num_features)), expected["mean"], expected["std"]  # type: ignore[arg-type]


def _timm_network(
    name: str, pretrained: bool, file: str | None, arguments: Mapping[str, Any], keys: WeightKeys
) -> nn.Module:
    """Build timm's network without its classifier.

    Raises:
        MammoError: as weights_repository, or the weights cannot be loaded.
        TypeError: an argument is unknown to the network's constructor.
    """
    import timm  # slow to import: only for networks from timm

    _check_not_loader(arguments)
    architecture, _, tag = name.partition(".")
    is_fetched, repository = pretrained and file is None, None
    if tag or not timm.is_model(architecture) or is_fetched:
        repository = weights_repository(name, keys)
    if file is not None and not Path(file).is_file():
        raise MammoError(f"{keys.file}={file} does not exist{did_you_mean_path(Path(file))}")
    build = partial(timm.create_model, name, num_classes=0, **arguments)
    if not pretrained:
        return build()
    if file is not None:
        return _network_of_file(build, name, file, keys)
    return fetched(build, name, repository, keys)


def _check_not_loader(arguments: Mapping[str, Any]) -> None:
    """Check that arguments are the network's, not those by which timm finds weights in files and on the network.

    Raises:
        MammoError: one is timm's own.
    """
    from timm.models import build_model_with_cfg, create_model  # slow to import: only for networks from timm

    loaders = {*signature(create_model).parameters, *signature(build_model_with_cfg).parameters}
    for key in arguments:
        if key in loaders or key.startswith("pretrained"):
            raise MammoError(
                f"backbone.arguments.{key} is an argument of timm's loader, not of the network: name weights with "
                "backbone.name, backbone.init and backbone.pretrained_file"
            )


def _has_fixed_size(name: str) -> bool:
    """Whether a network is built for one image size, which its constructor takes as img_size."""
    import timm  # slow to import: only for networks from timm

    default = timm.get_pretrained_cfg(name.partition(".")[0])
    return default is not None and bool(default.fixed_input_size)


def _network_of_file(build: Callable[..., nn.Module], name: str, file: str, keys: WeightKeys) -> nn.Module:
    """Build the network with the weights of a file, and check that the file holds all of them.

    timm keeps random values for weights that a file lacks. Two networks are built from the same random numbers: a
    kernel that is equal in both after loading was not in the file.
    """
    check_weight_file(Path(file))
    advice = f"give the file of {name}, or train from scratch with {keys.scratch}"
    with torch.random.fork_rng(devices=[]):
        start = build()
    try:
        network = build(pretrained=True, pretrained_cfg_overlay={"file": file})
    except Exception as error:  # each file format and loader raises errors of its own
        problem = f"{keys.file}={file} cannot be read as weights of {name} ({type(error).__name__})"
        raise MammoError(f"{problem}: {advice}") from error
    for (key, weight), before in zip(network.named_parameters(), start.parameters(), strict=True):
        if weight.ndim > 1 and torch.equal(weight, before):
            raise MammoError(f"{keys.file}={file} lacks {key} of {name}: {advice}")
    return network
