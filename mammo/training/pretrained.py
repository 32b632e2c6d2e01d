"""Check of the ImageNet weights that a configuration needs, before anything slow is imported.

Without this check timm tries for most of a minute and ends in a traceback.
"""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from omegaconf import DictConfig, OmegaConf

from mammo.cli.hydra_app import CONF
from mammo.models.weight_keys import BACKBONE, LOCAL_TRUNK, WeightKeys
from mammo.records import MammoError

FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of the weight files of a timm network on the hub, the preferred one first."""

PATIENCE_S = 3.0
"""How long the hub may take to answer."""


def check_pretrained(cfg: DictConfig) -> None:
    """Check the weights that f_loc's backbone or the context network's local trunk starts from.

    Raises:
        MammoError: they do not exist, or are neither in a file, nor in the hub's cache, nor within reach.
    """
    if "backbone" in cfg and cfg.backbone.init == "imagenet":
        _check(cfg.backbone.name, cfg.backbone.pretrained_file, BACKBONE)
    if "local_trunk" in cfg.model and cfg.gmic.local_init == "imagenet":
        _check(cfg.gmic.local_weights, cfg.gmic.local_pretrained_file, LOCAL_TRUNK)


def _check(name: str, file: str | None, keys: WeightKeys) -> None:
    if file is not None:
        if not Path(file).is_file():
            raise MammoError(
                f"{keys.file}={file} does not exist: give a file of the weights of {name}, or set {keys.scratch}"
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
        with socket.create_connection((_host(), parts.port or (80 if parts.scheme == "http" else 443)), PATIENCE_S):
            return True
    except OSError:
        return False
