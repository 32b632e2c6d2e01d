"""The released GMIC checkpoints: their 258 names and shapes, and the network in their order of classes, benign first.

Nothing of the released source is used: names, shapes and order are facts of the files.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mammo.geometry import Frame
from mammo.models.gmic import ByClass, Gmic, GmicSizes
from mammo.records import MammoError

FULL_FRAME = Frame(2944, 1920, 64)

PREFIXES = {
    "trunk.": "ds_net.",
    "head.": "left_postprocess_net.gn_conv_last.",
    "local.": "dn_resnet.",
    "attention_v.": "mil_attn_V.",
    "attention_u.": "mil_attn_U.",
    "attention_w.": "mil_attn_w.",
    "local_classifier.": "classifier_linear.",
    "fusion.": "fusion_dnn.",
}
"""What a part of the network is called here, and there."""

BY_CLASS = ("head.weight", "local_classifier.weight", "fusion.weight", "fusion.bias")
"""What has one row a class."""


class OfficialOutput(NamedTuple):
    """What the official network gives, in its order of classes: index 0 is benign, index 1 malignant."""

    saliency: Tensor
    """[B, 2, 46, 30] in [0, 1]; benign first."""
    y_global: Tensor
    """Probabilities [B, 2] from the saliency's top cells; benign first."""
    y_local: Tensor
    """Probabilities [B, 2] from the attended regions; benign first."""
    y_fusion: Tensor
    """Probabilities [B, 2], the network's answer; benign first."""
    roi_positions: Tensor
    """int64 [B, 6, 2], upper left (row, col) of each region of interest in pixels of the image."""
    attention: Tensor
    """[B, 6], the weight of each region; their sum is 1."""


class OfficialGmic(nn.Module):
    """A full-size Gmic that answers in the official order of classes.

    Args:
        network: the network inside.
    """

    def __init__(self, network: Gmic) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> OfficialOutput:
        """Standardized float32 images [B, 1, 2944, 1920], facing right, to everything the official network tells."""
        output = self.network(image)
        return OfficialOutput(
            saliency=_benign_first(output.saliency),
            y_global=_benign_first(output.y_global),
            y_local=_benign_first(output.y_local),
            y_fusion=_benign_first(output.y_fusion),
            roi_positions=output.regions,
            attention=output.attention,
        )


def load_gmic(state_dict: Mapping[str, Tensor], percent_t: float = 0.02) -> OfficialGmic:
    """The network of an official state dict, in eval mode.

    Args:
        state_dict: the 258 official names and shapes.
        percent_t: share of the cells that the global prediction averages; models 1 to 5 have 0.02, 0.03, 0.03, 0.05
            and 0.1. It is no part of the file.

    Raises:
        MammoError: a key is missing, unknown or of another shape; all of them are named.
    """
    return OfficialGmic(gmic_from_official(state_dict, percent_t)).eval()


def gmic_from_official(state_dict: Mapping[str, Tensor], top_share: float) -> Gmic:
    """The full-size network with the weights of an official state dict; MammoError as load_gmic."""
    network = Gmic(GmicSizes(top_share=top_share), FULL_FRAME)
    own = network.state_dict()
    _check(state_dict, {_official_key(key): value for key, value in own.items()})
    network.load_state_dict({key: _reordered(key, state_dict[_official_key(key)]) for key in own})
    return network


def official_state_dict(network: Gmic) -> dict[str, Tensor]:
    """The official state dict of a full-size network.

    Raises:
        MammoError: the network's sizes are not the published ones.
    """
    state = network.state_dict()
    _check(state, Gmic(GmicSizes(), FULL_FRAME).state_dict())
    return {_official_key(key): _reordered(key, value).clone() for key, value in state.items()}


def _benign_first(by_class: ByClass) -> Tensor:
    return torch.stack([by_class.benign, by_class.malignant], dim=1)


def _official_key(key: str) -> str:
    prefix = next(prefix for prefix in PREFIXES if key.startswith(prefix))
    return PREFIXES[prefix] + key.removeprefix(prefix)


def _reordered(key: str, value: Tensor) -> Tensor:
    """From one order of classes to the other, where the value has one row a class."""
    return value.flip(0) if key in BY_CLASS else value


def _check(state: Mapping[str, object], expected: Mapping[str, Tensor]) -> None:
    """Refuse a state dict whose keys, shapes and types are not exactly these, naming every key that is wrong."""
    wrong = [f"{key} is missing" for key in expected if key not in state]
    wrong += [f"{key} is unknown" for key in state if key not in expected]
    for key in expected.keys() & state.keys():
        value, like = state[key], expected[key]
        if not isinstance(value, Tensor):
            wrong.append(f"{key} is {type(value).__name__}, no tensor")
        elif (value.shape, value.dtype) != (like.shape, like.dtype):
            wrong.append(f"{key} is {_told(value)}, not {_told(like)}")
    if wrong:
        told = "; ".join(sorted(wrong))
        raise MammoError(f"these are not the weights of the published GMIC, {len(wrong)} keys are wrong: {told}")


def _told(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
