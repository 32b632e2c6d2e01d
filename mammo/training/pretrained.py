"""Whether the ImageNet weights that a configuration asks for can be had, told before anything heavy is imported.

Without this check timm tries for most of a minute and ends in a traceback.
"""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

from omegaconf import DictConfig

from mammo.records import MammoError

FILES = ("model.safetensors", "pytorch_model.bin")
"""What the weights of a timm network are called on the hub, the preferred one first."""

PATIENCE_S = 3.0


def check_pretrained(cfg: DictConfig) -> None:
    """Check the weights that f_loc's backbone or the context network's local trunk starts from.

    Raises:
        MammoError: they do not exist, or are neither in a file, nor in the hub's cache, nor in reach.
    """
    if "backbone" in cfg and cfg.backbone.init == "imagenet":
        _check(cfg.backbone.name, cfg.backbone.pretrained_file, "backbone.pretrained_file", "backbone.init=he")
    if "local_trunk" in cfg.model and cfg.gmic.local_init == "imagenet":
        _check(
            cfg.gmic.local_weights, cfg.gmic.local_pretrained_file, "gmic.local_pretrained_file", "gmic.local_init=he"
        )


def _check(name: str, file: str | None, key: str, scratch: str) -> None:
    if file is not None:
        if not Path(file).is_file():
            raise MammoError(f"{key}={file} does not exist: give a file of the weights of {name}, or set {scratch}")
    elif "." not in name:
        raise MammoError(f"no ImageNet weights exist for {name}: set {scratch}, or give a file of your own with {key}=")
    elif not _cached(name) and not _in_reach():
        raise MammoError(
            f"the ImageNet weights of {name} are not on this machine and {_host()} is out of reach: fetch "
            f"timm/{name}/{FILES[0]} from there, put it anywhere on this machine and give {key}=PATH, or train from "
            f"scratch with {scratch}"
        )


def _cached(name: str) -> bool:
    """Whether the hub's cache holds the weights."""
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    return any(path.is_file() for file in FILES for path in cache.glob(f"models--timm--{name}/snapshots/*/{file}"))


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
