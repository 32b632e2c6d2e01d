"""The configuration of training before anything slow is imported: completed by its store, and checked with its weights.

Without the check of the ImageNet weights timm tries for most of a minute and ends in a traceback.
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from hydra.core.override_parser.types import Quote, QuotedString
from omegaconf import DictConfig, OmegaConf

from mammo.cli.config_check import check_config
from mammo.cli.hydra_app import CONF, PLACES
from mammo.cli.value_types import shown
from mammo.io import did_you_mean_path
from mammo.maps.map_names import IMAGE_MAPS
from mammo.models.weight_keys import BACKBONE, LOCAL_TRUNK, WeightKeys
from mammo.records import MammoError
from mammo.store.store_header import StoreHeader, read_store_header

PHANTOM = "phantom"
"""The data set whose networks start from He initialization; those of all others start from ImageNet weights."""

STORE_FRAME = "store"
"""The choice of conf/frame that stands for the store's own frame."""

PARTS = ("limit_train_batches", "limit_val_batches", "limit_test_batches")
"""Options of the trainer whose 0 would leave out what a run is made of."""

WITHOUT = {
    "limit_train_batches": "nothing would be trained",
    "limit_val_batches": "the best checkpoint is selected by validation",
    "limit_test_batches": "the test has no result without batches; to leave it out give test=false",
}
"""Why each of PARTS cannot be 0."""

FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of the weight files of a timm network on the hub, the preferred one first."""

HUB_PATIENCE_S = 3.0
"""How long the hub may take to answer."""


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
    frame = [f"frame={preset}"] if cfg.hydra.runtime.choices.get("frame") == STORE_FRAME else []
    return frame + [f"{key}={value}" for key, value in values.items() if OmegaConf.select(cfg, key) is None]


def check_values(cfg: DictConfig) -> None:
    """Check a configuration of train: its values by themselves, and those that depend on one another.

    Raises:
        MammoError: a value has the wrong type, is out of range or contradicts another; with key, value and remedy.
    """
    check_config("train", cfg)
    if problems := [*_maps(cfg), *_validation(cfg), *_quota(cfg)]:
        raise MammoError("; ".join(problems))


def _maps(cfg: DictConfig) -> Iterator[str]:
    """Yield what is wrong with the maps of f_agg."""
    for name, value in (cfg.get("maps") or {}).items():
        if value is not True:
            yield f"maps.{name}={value}: name the maps that are wanted, as in 'maps=[emb,sal]'"
    of_images = [name for name in IMAGE_MAPS if name in (cfg.get("maps") or {})]
    if of_images and cfg.context.source == "shuffled" and not set(of_images) & set(cfg.context.shuffled):
        yield (
            f"context.shuffled=[{','.join(cfg.context.shuffled)}]: none of these maps is selected; give some of "
            f"{', '.join(of_images)}, as in context.shuffled=[{of_images[0]}], or leave context=shuffled out"
        )


def _validation(cfg: DictConfig) -> Iterator[str]:
    """Yield options of the trainer with which a run would have no best checkpoint or no test result."""
    trainer = cfg.trainer
    if trainer.fast_dev_run:
        return  # Lightning runs a batch of everything whatever the limits are
    for name in PARTS:
        if trainer[name] == 0 and (name != "limit_test_batches" or cfg.test):
            yield f"trainer.{name}=0: {WITHOUT[name]}; give a share of the batches above 0, as in trainer.{name}=1.0"
    every = trainer.check_val_every_n_epoch
    if every > trainer.max_epochs:
        yield (
            f"trainer.check_val_every_n_epoch={every} and trainer.max_epochs={trainer.max_epochs}: no epoch would be "
            "validated, and the best checkpoint is selected by validation; give at most the number of epochs"
        )
    for name, value in (("enable_checkpointing", False), ("barebones", True)):
        if trainer[name] is value:
            yield (
                f"trainer.{name}={shown(value)}: a run needs its checkpoints; leave {name} out, or give "
                "debug=fast_dev_run for a run of which nothing is kept"
            )
    stopping = (cfg.get("callbacks") or {}).get("early_stopping") or {}
    if stopping.get("monitor") == "val_auc" and stopping.get("mode") == "min":
        yield (
            "callbacks.early_stopping.mode=min: training would stop as the validation AUC improves; give mode=max, or "
            "another callbacks.early_stopping.monitor"
        )


def _quota(cfg: DictConfig) -> Iterator[str]:
    """Yield what is wrong with the quota of patches."""
    if cfg.get("quota") is not None and sum(cfg.quota.values()) == 0:
        yield "quota: all four numbers are 0; give patches of at least one class, as in quota.malignant=20"


def check_pretrained(cfg: DictConfig) -> None:
    """Check the weights that f_loc's backbone or the context network's local trunk starts from.

    Raises:
        MammoError: they do not exist, or are neither in a file, nor in the hub's cache, nor within reach.
    """
    if "backbone" in cfg and cfg.backbone.init == "imagenet":
        _check_weights(cfg.backbone.name, cfg.backbone.pretrained_file, BACKBONE)
    if "local_trunk" in cfg.model and cfg.gmic.local_init == "imagenet":
        _check_weights(cfg.gmic.local_weights, cfg.gmic.local_pretrained_file, LOCAL_TRUNK)


def _check_weights(name: str, file: str | None, keys: WeightKeys) -> None:
    if file is not None:
        if not Path(file).is_file():
            hint = did_you_mean_path(Path(file))
            raise MammoError(
                f"{keys.file}={file} does not exist{hint}: give a file of the weights of {name}, or set {keys.scratch}"
            )
        return
    if "." in name and name in _configured():
        repository: str | None = f"timm/{name}"
    else:
        from mammo.models.backbones import weights_repository  # slow to import: only for other names

        repository = weights_repository(name, keys)
    if repository is not None and not _cached(repository) and not _in_reach():
        raise MammoError(
            f"the ImageNet weights of {name} are not on this machine and {_host()} is out of reach: fetch "
            f"{repository}/{FILES[0]} from there, put it anywhere on this machine and give {keys.file}=PATH, or train "
            f"from scratch with {keys.scratch}"
        )


def _configured() -> set[str]:
    """The networks that conf/ names."""
    found = [OmegaConf.load(path) for group in ("backbone", "gmic") for path in (CONF / group).glob("*.yaml")]
    return {str(OmegaConf.select(each, key, default="")) for each in found for key in ("name", "local_weights")}


def _cached(repository: str) -> bool:
    """Whether the hub's cache holds the weights."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    folder = f"models--{repository.replace('/', '--')}"
    return any(path.is_file() for file in FILES for path in cache.glob(f"{folder}/snapshots/*/{file}"))


def _host() -> str:
    return urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname or "huggingface.co"


def _in_reach() -> bool:
    """Whether the hub answers; not asked where the user has forbidden it."""
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    parts = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    try:
        with socket.create_connection((_host(), parts.port or (80 if parts.scheme == "http" else 443)), HUB_PATIENCE_S):
            return True
    except OSError:
        return False
