"""Where a configuration may name classes by `_target_`, and which classes each place takes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.accelerators import Accelerator
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.plugins import CheckpointIO, LayerSync, Precision
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.strategies import Strategy
from torch import nn

from mammo.cli.config_check import check_config
from mammo.cli.targets import TRACEBACK, Bases, Place, check, failed_class, is_foreign, own_failure, targets
from mammo.cli.value_types import shown
from mammo.records import MammoError
from mammo.training.run_files import read_run_config

PLUGINS = (Precision, ClusterEnvironment, CheckpointIO, LayerSync)

PLACES: tuple[tuple[str, Bases, Bases], ...] = (
    ("model", (pl.LightningModule,), (nn.Module,)),
    ("model.*", (nn.Module,), (nn.Module,)),
    ("callbacks.*", (Callback,), (Callback, nn.Module)),
    ("logger.*", (Logger,), ()),
    ("trainer.profiler", (Profiler,), ()),
    ("trainer.strategy", (Strategy,), (Accelerator, *PLUGINS)),
    ("trainer.accelerator", (Accelerator,), ()),
    ("trainer.plugins.*", PLUGINS, ()),
)
"""Keys, the classes that a target there may be a subclass of, and those of the targets among its arguments."""


WRITERS = ("logger.", "callbacks.", "trainer.profiler")
"""Beginnings of the keys of classes that write files."""

FOLDERS = ("save_dir", "dirpath", "root_dir", "log_dir", "sub_dir", "_args_")
"""Their arguments that name folders, those without a name among them; the run's own folder is their default."""

ELSEWHERE = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/~\\]|://|\$")
"""Texts that lead out of a folder, or to another machine."""


@cache
def place(key: str) -> Place:
    """The place of a key, as in "callbacks.early_stopping".

    Raises:
        MammoError: no class is built there.
    """
    for pattern, bases, inner in PLACES:
        if fnmatchcase(key, pattern):
            return Place(key, bases, inner)
    if key == "intensity":
        from albumentations import BaseCompose, BasicTransform  # heavy: only where it is configured

        return Place(key, (BasicTransform, BaseCompose), (BasicTransform, BaseCompose))
    raise MammoError(f"{key}._target_: no class is built there")


def plain(node: DictConfig) -> dict[str, Any]:
    """A resolved part of the configuration as plain dictionaries, lists and numbers (checkpoints must load safely)."""
    content = OmegaConf.to_container(node, resolve=True)
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items()}


def allowed_packages(cfg: DictConfig) -> tuple[str, ...]:
    """The packages of the user's own whose classes the configuration may name (allow_targets).

    Raises:
        MammoError: allow_targets is not a list of names.
    """
    names = cfg.get("allow_targets") or []
    is_list = isinstance(names, Sequence) and not isinstance(names, str)
    if not is_list or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise MammoError(
            f"allow_targets={cfg.allow_targets}: give the names of packages, as in allow_targets=[my_package]"
        )
    return tuple(names)


def check_targets(config: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Check every target of a configuration, without calling any.

    Raises:
        MammoError: a target is rejected (mammo.cli.targets.resolve), stands where no class is built, or would write
            files outside the run's folder.
    """
    for key, node in targets(config):
        check(node, place(key), allowed)
        if key.startswith(WRITERS) and not is_foreign(str(node["_target_"])):
            _check_writer(node, key)


def _check_writer(node: object, key: str) -> None:
    """Check that a class of a library is not asked to write anywhere but below the run's folder.

    Raises:
        MammoError: an argument names another folder, or a host.
    """
    if isinstance(node, str) and ELSEWHERE.search(node):
        raise MammoError(f"{key}={shown(node)} is rejected: a run writes below its own folder only: leave it out")
    if isinstance(node, Mapping):
        for name in (each for each in FOLDERS if node.get(each) is not None):
            raise MammoError(f"{key}.{name} is rejected: a run writes below its own folder only: leave it out")
    values = dict(enumerate(node)) if isinstance(node, list) else node
    for place_of, value in values.items() if isinstance(values, Mapping) else ():
        _check_writer(value, f"{key}.{place_of}")


@contextmanager
def own_errors(cfg: DictConfig, record: Path | None = None) -> Iterator[None]:
    """Turn an error in a class of the user's own into one sentence, which names the class and its key.

    Args:
        cfg: the configuration.
        record: the file that will hold the traceback; None if there is none.

    Raises:
        MammoError: the sentence; the error is its cause.
    """
    try:
        yield
    except MammoError:
        raise
    except Exception as error:
        if (found := failed_class(plain(cfg), error)) is None:
            raise
        where = TRACEBACK if record is None else f"{record} has the traceback"
        raise own_failure(*found, error, where) from error


def read_config(run: Path, allowed: Sequence[str] | None) -> DictConfig:
    """The configuration that a run folder keeps, with its targets checked.

    Args:
        run: the run folder.
        allowed: the packages that the command line allows; allow_targets of the result. None to read values only, so
            that nothing is built and any package may be named.

    Raises:
        MammoError: as read_run_config and check_targets; it sets allow_targets, or a value that is out of range.
    """
    path = run / "config.yaml"
    return checked_config(read_run_config(path), str(path), allowed)


def checked_config(content: Mapping[str, Any], where: str, allowed: Sequence[str] | None) -> DictConfig:
    """The configuration of a run from its content, with its targets checked; arguments and errors as read_config.

    Args:
        content: as run_files.parse_run_config.
        where: the file that it comes from, for messages.
        allowed: as read_config.
    """
    cfg = OmegaConf.create(dict(content))
    if "allow_targets" in cfg:
        raise MammoError(f"{where} sets allow_targets, which only the command line may set: remove it from the file")
    try:
        if allowed is None:
            return cfg
        check_config("train", cfg)
        check_targets(plain(cfg), allowed)
    except MammoError as error:
        raise MammoError(f"{where}: {error}") from None
    cfg.allow_targets = list(allowed)
    return cfg
