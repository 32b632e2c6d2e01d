"""The configuration keys that choose the weights of a network from timm, for checks and error messages."""

from dataclasses import dataclass

from mammo.records import MammoError


class NoWeightsError(MammoError):
    """Nobody has published ImageNet weights of a network; a sweep leaves such a job out and goes on."""


@dataclass(frozen=True)
class WeightKeys:
    """The keys of one network.

    Attributes:
        name: the key of timm's `name.tag`.
        file: the key of a local file of the weights.
        scratch: the override that does without weights.
    """

    name: str
    file: str
    scratch: str


BACKBONE = WeightKeys("backbone.name", "backbone.pretrained_file", "backbone.init=he")
"""The backbone of f_loc."""

LOCAL_TRUNK = WeightKeys("gmic.local_weights", "gmic.local_pretrained_file", "gmic.local_init=he")
"""The local trunk of the context network."""
