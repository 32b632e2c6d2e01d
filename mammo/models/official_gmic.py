"""Conversion from and to the released GMIC checkpoints, with their 258 names and their order of classes, benign first.

No released source code is used: names, shapes and order were read from the files.
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
"""Prefix of each part's names in mammo, to its prefix in official files."""

BY_CLASS = ("head.weight", "local_classifier.weight", "fusion.weight", "fusion.bias")
"""Names of the tensors with one row per class."""


class OfficialOutput(NamedTuple):
    """Output of the official network, in its order of classes: index 0 is benign, index 1 malignant."""

    saliency: Tensor
    """[B, 2, 46, 30] in [0, 1]; benign first."""
    y_global: Tensor
    """Probabilities [B, 2] from the saliency's top cells; benign first."""
    y_local: Tensor
    """Probabilities [B, 2] from the attended regions; benign first."""
    y_fusion: Tensor
    """Probabilities [B, 2] from image and regions, the prediction of the network; benign first."""
    roi_positions: Tensor
    """int64 [B, 6, 2], upper left pixel (row, col) of each region of interest."""
    attention: Tensor
    """[B, 6] in [0, 1], weight of each region; the sum is 1."""


class OfficialGmic(nn.Module):
    """A full-size Gmic with outputs in the official order of classes.

    Args:
        network: the network, in mammo's order.
    """

    def __init__(self, network: Gmic) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> OfficialOutput:
        """All outputs of the official network for standardized float32 images [B, 1, 2944, 1920] that face right."""
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
    """Build the network of an official state dict, in eval mode.

    Args:
        state_dict: weights [O, ...] by their 258 official names.
        percent_t: share of the cells that the global prediction averages, in (0, 1]; 0.02, 0.03, 0.03, 0.05 and 0.1
            for models 1 to 5. The files do not hold it.

    Raises:
        MammoError: keys are missing, unknown or of another shape or type; the message names all of them.
    """
    return OfficialGmic(gmic_from_official(state_dict, percent_t)).eval()


def gmic_from_official(state_dict: Mapping[str, Tensor], top_share: float) -> Gmic:
    """Build the full-size network from the weights [O, ...] of an official state dict; MammoError as load_gmic."""
    network = Gmic(GmicSizes(top_share=top_share), FULL_FRAME)
    own = network.state_dict()
    _check(state_dict, {_official_key(key): value for key, value in own.items()})
    network.load_state_dict({key: _reordered(key, state_dict[_official_key(key)]) for key in own})
    return network


def official_state_dict(network: Gmic) -> dict[str, Tensor]:
    """The weights [O, ...] of a full-size network by their official names.

    Raises:
        MammoError: the network does not have the published sizes.
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
    """The value in the other order of classes, if it has one row per class."""
    return value.flip(0) if key in BY_CLASS else value


def _check(state: Mapping[str, object], expected: Mapping[str, Tensor]) -> None:
    """Reject a state dict with other keys, shapes or types than expected, and name all of them."""
    wrong = [f"{key} is missing" for key in expected if key not in state]
    wrong += [f"{key} is unknown" for key in state if key not in expected]
    for key in expected.keys() & state.keys():
        value, like = state[key], expected[key]
        if not isinstance(value, Tensor):
            wrong.append(f"{key} is {type(value).__name__}, not a tensor")
        elif (value.shape, value.dtype) != (like.shape, like.dtype):
            wrong.append(f"{key} is {_type_and_shape(value)}, not {_type_and_shape(like)}")
    if wrong:
        problems = "; ".join(sorted(wrong))
        raise MammoError(f"these are not the weights of the published GMIC, {len(wrong)} keys are wrong: {problems}")


def _type_and_shape(value: Tensor) -> str:
    return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
