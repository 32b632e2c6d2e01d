"""Lightning's trainer, its callbacks and its loggers, as the configuration describes them.

Every training logs metrics once an epoch (EpochMetrics), and shows its progress (progress_lines).
"""

import inspect
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import CSVLogger, Logger

from mammo.cli.targets import build
from mammo.cli.value_types import shown
from mammo.io import runtime_errors_as
from mammo.models.floc import PatchClassifier
from mammo.models.precision import resolve_precision
from mammo.records import Batch, MammoError, PatchClass
from mammo.training.build import facts_of
from mammo.training.checkpoints import DurableCheckpoints, RunCheckpoint, TimeTaken
from mammo.training.configured_classes import allowed_packages, place, plain
from mammo.training.global_batch import GlobalBatch, SameInputs, check_synchronized
from mammo.training.processes import cluster_environments
from mammo.training.progress_lines import EpochBar, EpochProgress
from mammo.training.resume import MidEpochCheckpoint, job_callbacks, own_signals
from mammo.training.run_dir import RunDir
from mammo.training.steps import FiniteSteps, Interruption, SeededSteps
from mammo.training.sweep_state import in_sweep
from mammo.training.wandb_logging import Dashboard, PrivateWandbLogger

MONITOR = "val_auc"
"""The metric that selects the best checkpoint; the higher, the better."""

UNVALIDATED = (
    "training ended before the first validation, which selects the best checkpoint: give a larger trainer.max_steps or "
    "trainer.max_time, or a smaller trainer.check_val_every_n_epoch or trainer.val_check_interval"
)
"""What is wrong with a run without a best checkpoint, and what to do."""

GROUPS = ("callbacks", "logger")
"""Options of the trainer that have a group of their own."""


def trainer_of(cfg: DictConfig, run: RunDir) -> pl.Trainer:
    """The trainer of a run: best and last checkpoint by the validation AUC, metrics.csv, progress.

    Raises:
        MammoError: a target is rejected, or Lightning rejects an option.
    """
    options = _options(cfg)
    bar = options["enable_progress_bar"]
    options["enable_progress_bar"] = sys.stdout.isatty() and not in_sweep() if bar is None else bar
    loggers = [] if options["fast_dev_run"] else _loggers(cfg, run)
    progress = EpochBar() if options["enable_progress_bar"] else EpochProgress(run.name)
    interruption = Interruption(run.name, own_signals())
    callbacks: list[Callback] = [
        RunCheckpoint(run.path, "best", monitor=MONITOR, mode="max", enable_version_counter=False),
        # save_last would skip epochs without a best
        RunCheckpoint(run.path, "last", enable_version_counter=False),
        TimeTaken(run.digest),
        SeededSteps(cfg.seed),
        FiniteSteps(),
        SameInputs(run.digest),
        EpochMetrics(),
        GlobalBatch(),
        *_callbacks(cfg),
        # after weight averaging, so that the checkpoint has the batch in the average
        MidEpochCheckpoint(run.path, interruption),
        interruption,
        progress,
        *job_callbacks(),
        *(Dashboard(logger) for logger in loggers if isinstance(logger, PrivateWandbLogger)),
    ]
    options["plugins"] = [*(options["plugins"] or []), DurableCheckpoints(), *cluster_environments()]
    options["default_root_dir"] = options["default_root_dir"] or run.path
    try:
        with runtime_errors_as(ValueError):
            trainer = pl.Trainer(**options, callbacks=callbacks, logger=loggers)
    except (MisconfigurationException, ValueError, TypeError, NotImplementedError, ImportError) as error:
        raise MammoError(_rejection(plain(cfg.trainer), " ".join(str(error).split()))) from error
    if options["sync_batchnorm"]:
        check_synchronized(trainer)
    return trainer


@contextmanager
def lightning_errors(cfg: DictConfig) -> Iterator[None]:
    """Turn Lightning's complaints about a network or an option into one sentence."""
    try:
        yield
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        if isinstance(error, RuntimeError) and type(error) is not RuntimeError:
            raise  # not Lightning's: memory that is full, a job that must end
        message = " ".join(str(error).split()).rstrip(".")
        if option := option_named(cfg, message):
            raise MammoError(f"{option}: Lightning rejects it ({message})") from error
        if not isinstance(error, MisconfigurationException) and "which is not available" not in message:
            raise
        if f"metric `{MONITOR}`" in message and cfg.trainer.max_steps != -1:
            raise MammoError(f"trainer.max_steps={cfg.trainer.max_steps}: {UNVALIDATED}") from error
        hint = f"log it in validation, as in self.log('{MONITOR}', ...)" if MONITOR in message else "see --help"
        raise MammoError(f"model._target_={cfg.model._target_}: {message}: {hint}") from error


def option_named(cfg: DictConfig, message: str) -> str:
    """The trainer's option that a message of Lightning's names first, as in trainer.limit_val_batches=2; or nothing."""
    words = re.findall(r"\w+", message)
    named = [key for key in map(str, cfg.trainer) if "_" in key and key in words]
    first = min(named, key=words.index, default="")
    return f"trainer.{first}={shown(cfg.trainer[first])}" if first else ""


def _options(cfg: DictConfig) -> dict[str, Any]:
    """The options of conf/trainer, with the objects that they name built."""
    allowed = allowed_packages(cfg)
    options = {key: _built(value, f"trainer.{key}", allowed) for key, value in plain(cfg.trainer).items()}
    known = [key for key in inspect.signature(pl.Trainer).parameters if key not in GROUPS]
    for key in options:
        if key in GROUPS:
            raise MammoError(f"trainer.{key} cannot be set: choose from the group {key}, as --help shows")
        if key not in known:
            raise MammoError(f"trainer.{key}: Lightning's Trainer has no such option; it has {', '.join(known)}")
    options["precision"] = resolve_precision(str(cfg.trainer.precision), str(cfg.trainer.accelerator))
    return options


def _built(value: object, key: str, allowed: tuple[str, ...]) -> object:
    if isinstance(value, Mapping) and "_target_" in value:
        return build(value, place(key), allowed)
    if isinstance(value, list):
        return [_built(each, f"{key}.{number}", allowed) for number, each in enumerate(value)]
    return value


def _callbacks(cfg: DictConfig) -> list[Callback]:
    """The callbacks of the group callbacks, in the order of the configuration."""
    nodes = plain(cfg.callbacks) if cfg.get("callbacks") else {}
    built = [_build_child(node, f"callbacks.{name}", cfg, {}) for name, node in nodes.items() if node is not None]
    return [each for each in built if isinstance(each, Callback)]


def _loggers(cfg: DictConfig, run: RunDir) -> list[Logger]:
    """The loggers of the group logger; metrics.csv is always written."""
    offered = {"save_dir": run.path, "run": run, "group": cfg.group, "facts": facts_of(cfg)}
    nodes = plain(cfg.logger) if cfg.get("logger") else {}
    built = [_build_child(node, f"logger.{name}", cfg, offered) for name, node in nodes.items() if node is not None]
    loggers = [each for each in built if isinstance(each, Logger)]
    if not any(isinstance(logger, CSVLogger) for logger in loggers):
        loggers.insert(0, CSVLogger(run.path, name="metrics"))
    return loggers


def _build_child(node: object, key: str, cfg: DictConfig, offered: Mapping[str, object]) -> object:
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise MammoError(
            f"{key}={node}: give a class and its arguments, as in '{key}={{_target_: my_package.MyClass}}'"
        )
    return build(node, replace(place(key), offered=offered), allowed_packages(cfg))


def _rejection(options: Mapping[str, Any], message: str) -> str:
    """What Lightning rejected, by the keys of the options that its message seems to mean."""
    words = set(re.findall(r"\w+", message))
    keys = [key for key in options if key in words] or [key for key in options if f"'{options[key]}'" in message]
    keys = keys or [key for key in ("accelerator", "strategy") if options[key] != "auto"]
    named = ", ".join(f"trainer.{key}={options[key]}" for key in keys) or "trainer"
    return f"{named}: Lightning rejects it ({message})"


class EpochMetrics(Callback):
    """Logs train_loss_<class>, lr, patches_per_s (or images_per_s) and data_wait, the share of time spent reading."""

    def __init__(self) -> None:
        self.started = self.mark = self.waited = 0.0
        self.n_rows = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Reset the counts: of an epoch that was interrupted only the rest is measured."""
        self.started = self.mark = time.perf_counter()
        self.waited, self.n_rows = 0.0, 0

    on_train_epoch_start = on_train_start

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, _: int) -> None:
        """Add the time since the end of the last batch, which was spent waiting for this one."""
        self.waited += time.perf_counter() - self.mark

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: Batch, _: int
    ) -> None:
        """Count the batch's rows in all processes."""
        n_windows = len(batch["repeat"]) // len(batch["target"])
        self.n_rows += n_windows * len(batch.get("whole_target", batch["target"]))
        self.mark = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the epoch's metrics; the time of validation, which lies within the epoch, is left out."""
        elapsed = max(self.mark - self.started, 1e-9)
        metrics = {"lr": trainer.optimizers[0].param_groups[0]["lr"], "data_wait": self.waited / elapsed}
        if isinstance(pl_module, PatchClassifier):
            loss = zip(PatchClass, pl_module.class_stats.compute().loss.tolist(), strict=True)
            metrics |= {f"train_loss_{number.name.lower()}": value for number, value in loss if value == value}
        speed = "images_per_s" if getattr(pl_module, "plan", "") == "images" else "patches_per_s"
        pl_module.log_dict(metrics | {speed: self.n_rows / elapsed})
