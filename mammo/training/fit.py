"""One training run from a composed configuration: found if it was done, resumed if it was begun, else started."""

import math
import os
import signal
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException

from mammo.data.datamodule import MammoDataModule
from mammo.models.distributed import is_first
from mammo.models.precision import compile_forward
from mammo.models.weight_files import read_weights
from mammo.records import Split
from mammo.store.manifest import Manifest
from mammo.training.build import checked_manifest, datamodule_of, facts_of, run_name, store_line, trainer_of
from mammo.training.config_checks import check_values
from mammo.training.export_scores import write_test_scores, write_validation_scores
from mammo.training.network import network_of, traits_of
from mammo.training.precomputed import cached_embeddings
from mammo.training.resume import last_checkpoint
from mammo.training.run_dir import RunDir, chosen_run
from mammo.training.saliency_source import SaliencyInput, saliency_input
from mammo.training.sweep_state import check_devices, record_run
from mammo.training.wandb_logging import closed_dashboard


@dataclass(frozen=True)
class Inputs:
    """What an f_agg run reads of other runs: only what its maps need; nothing for the other networks.

    Attributes:
        floc: the f_loc run whose embeddings it reads.
        context: where its saliency maps come from.
    """

    floc: Path | None = None
    context: SaliencyInput | None = None

    @classmethod
    def of(cls, cfg: DictConfig, manifest: Manifest) -> "Inputs":
        """What the configured network reads; MammoError where it is not there."""
        needed = traits_of(cfg).columns
        floc = None
        if "embedding" in needed:
            floc = chosen_run(cfg.model.floc, Path(cfg.root), "floc", cfg.seed)
        return cls(floc, saliency_input(cfg, manifest) if "saliency" in needed else None)

    @property
    def digests(self) -> dict[str, str]:
        """What names the content of each; an f_loc run's digest names its configuration and all that it read."""
        digests = {"floc": self.floc.name.rsplit("-", 1)[-1]} if self.floc else {}
        return digests | ({"context": self.context.digest} if self.context else {})

    def paths(self, start: Path) -> dict[str, str]:
        """Where each lies, seen from a run's folder."""
        context = self.context.checkpoint if self.context else None
        paths = {"floc": self.floc, "context": context}
        return {name: os.path.relpath(path, start) for name, path in paths.items() if path is not None}


def train(cfg: DictConfig) -> float:
    """Train, validate and test one network; its validation AUC.

    Raises:
        MammoError: the configuration, the store or what the run reads from other runs is not in order.
    """
    OmegaConf.resolve(cfg)
    check_values(cfg)
    check_devices(cfg)
    manifest = checked_manifest(cfg)
    _say(store_line(cfg, manifest))
    inputs = Inputs.of(cfg, manifest)
    run = RunDir.of(cfg, run_name(cfg), {"store": manifest.digest(), **inputs.digests})
    record_run(run.path)
    with run.lock() if is_first() else nullcontext():
        auc: float | None
        if (finished := run.result) is not None:
            auc, told = finished.val_auc, "already done"
        else:
            auc, told = _begin(cfg, run, manifest, inputs), "done"
    _say(f"{run.name}: {told}, {_told(auc)}, in {run.path}")
    return float("nan") if auc is None else float(auc)


def _begin(cfg: DictConfig, run: RunDir, manifest: Manifest, inputs: Inputs) -> float | None:
    """Train from the start or from where it stopped; the validation AUC, None where it is undefined."""
    if is_first():
        run.start(cfg)
    try:
        with closed_dashboard(cfg.logger.wandb is not None):
            return _fit(cfg, run, manifest, inputs)
    except SIGTERMException:
        raise SystemExit(128 + signal.SIGTERM) from None  # Lightning would leave with 0, as if all were done


def _fit(cfg: DictConfig, run: RunDir, manifest: Manifest, inputs: Inputs) -> float | None:
    """Train to the end, from the last checkpoint if there is one, and write what came of it."""
    started = time.monotonic()
    if cfg.trainer.threads:
        torch.set_num_threads(cfg.trainer.threads)
    data = _data_of(cfg, inputs)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)  # only now: computing h draws random numbers too
    network = network_of(cfg)
    _tell_start(cfg, run.name)
    if cfg.trainer.compile:
        compile_forward(network)
    trainer = trainer_of(cfg, run)
    trainer.fit(network, data, ckpt_path=last_checkpoint(run.path))
    best = trainer.checkpoint_callback
    assert isinstance(best, ModelCheckpoint)
    auc = _finite(best.best_model_score)
    facts = facts_of(cfg) | {"selected_by": best.monitor, "val_auc": auc, "test_auc": None}
    facts["reads"] = inputs.paths(run.path)
    if cfg.test:
        if traits_of(cfg).saves_embeddings:  # f_agg will read the h of the same windows
            saved = cached_embeddings(run.path, data, [Split.TEST], cfg.trainer.precision)
            data = datamodule_of(cfg, embeddings=saved)
        # Not ckpt_path: of a run with averaged weights Lightning would test the weights before averaging.
        network.load_state_dict(read_weights(run.path / "best.ckpt")["state_dict"])
        trainer.test(network, data, verbose=False)
        facts["test_auc"] = _finite(trainer.callback_metrics["test_auc"])
        if trainer.is_global_zero:
            write_test_scores(network, data, run.path, run.name)
        write_validation_scores(network, data, run.path, trainer)
    for logger in trainer.loggers:
        logger.finalize("success")
    if trainer.is_global_zero:
        run.finish({**facts, "seconds": round(time.monotonic() - started, 1)})
    return auc


def _tell_start(cfg: DictConfig, name: str) -> None:
    """Say what f_loc's backbone starts from."""
    if "backbone" in cfg:
        start = "ImageNet weights" if cfg.backbone.init == "imagenet" else "He initialization, not ImageNet weights"
        _say(f"{name}: the backbone starts from {start} (backbone.init={cfg.backbone.init})")


def _data_of(cfg: DictConfig, inputs: Inputs) -> MammoDataModule:
    """What the network is trained and scored on; the h that it reads is made where it is missing."""
    data = datamodule_of(cfg, inputs.context.source if inputs.context else None)
    if inputs.floc:
        data.embeddings = cached_embeddings(inputs.floc, data, list(Split), cfg.trainer.precision)
    return data


def _say(line: str) -> None:
    if is_first():
        print(line, flush=True)


def _told(auc: float | None) -> str:
    return "val AUC undefined" if auc is None or math.isnan(auc) else f"val AUC {auc:.3f}"


def _finite(value: torch.Tensor | None) -> float | None:
    """An AUC for JSON: None where it is undefined."""
    number = float("nan") if value is None else float(value)
    return None if np.isnan(number) else number
