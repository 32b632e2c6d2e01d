"""What a command takes from the store that it reads: the frame, the data set and the default initialization."""

from dataclasses import asdict
from pathlib import Path

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

from mammo.cli.hydra_app import PLACES
from mammo.records import MammoError
from mammo.store.store_header import StoreHeader, read_store_header

PHANTOM = "phantom"
"""The data set whose networks start from He initialization; those of all others start from ImageNet weights."""

FRAME = "store"
"""The choice of conf/frame that stands for the store's own frame."""


def store_defaults(cfg: DictConfig) -> list[str]:
    """Overrides that complete a configuration with the frame and the data set of its store.

    Args:
        cfg: a composed configuration, `hydra` node included.

    Raises:
        MammoError: root or store is no path, or as read_store_header.
    """
    for key in PLACES:
        if not isinstance(cfg[key], str):
            value = "null" if cfg[key] is None else cfg[key]
            raise MammoError(f"{key}={value}: give a word or a path, or leave {key}= out")
    return header_defaults(cfg, read_store_header(Path(cfg.store)))


def header_defaults(cfg: DictConfig, header: StoreHeader) -> list[str]:
    """Overrides that complete a configuration with what the header of a store says: only values that are missing."""
    data, preset = header.name, header.preset
    values = {
        "data.name": QuotedString(data, Quote.single).with_quotes(),
        "data.init": "he" if data == PHANTOM else "imagenet",
        **{f"frame.{key}": value for key, value in asdict(header.frame).items()},
    }
    frame = [f"frame={preset}"] if cfg.hydra.runtime.choices.get("frame") == FRAME else []
    return frame + [f"{key}={value}" for key, value in values.items() if OmegaConf.select(cfg, key) is None]
