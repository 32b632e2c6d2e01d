"""One training run from a composed configuration: started, resumed, or found finished."""

import shutil
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_only
from pytorch_lightning.utilities.exceptions import SIGTERMException

from mammo.data.datamodule import MammoDataModule
from mammo.io import atomic_write, errors_about
from mammo.models.precision import compile_forward, resolve_precision
from mammo.models.weight_files import read_weights
from mammo.records import MammoError
from mammo.scoring.number_text import json_number
from mammo.store.splits import n_folds
from mammo.text import print_text
from mammo.training.build import (
    checked_manifest,
    datamodule_of,
    facts_of,
    network_of,
    start_lines,
    store_line,
    traits_of,
)
from mammo.training.checkpoints import BEST, LAST, TimeTaken, last_checkpoint
from mammo.training.configured_classes import allowed_packages, check_targets, own_errors, plain
from mammo.training.export_scores import write_test_scores, write_validation_scores
from mammo.training.global_batch import batch_parts
from mammo.training.image_maps import image_map_sources
from mammo.training.inputs import Inputs
from mammo.training.precomputed import FLocEmbeddings
from mammo.training.processes import Processes
from mammo.training.progress_lines import end_lines
from mammo.training.request import run_dir_of
from mammo.training.results import read_run
from mammo.training.resume import start_from
from mammo.training.run_dir import ERROR, RunDir
from mammo.training.sweep_state import record_run
from mammo.training.train_config import check_values
from mammo.training.trainer import MONITOR, UNVALIDATED, lightning_errors, trainer_of
from mammo.training.wandb_logging import closed_dashboard

Prepared = tuple[pl.LightningModule, MammoDataModule, pl.Trainer]
"""What a training consists of."""


def train(cfg: DictConfig) -> float:
    """Train, validate and test one network; its validation AUC.

    A request that was finished is not run again, and one that was interrupted is resumed from its last checkpoint.
    trainer.fast_dev_run runs one batch of everything and keeps nothing.

    Raises:
        MammoError: the configuration, the store or an input from another run is wrong or missing.
    """
    OmegaConf.resolve(cfg)
    check_values(cfg)
    # Part of the request, so that machines of different precision share no run.
    cfg.trainer.precision = resolve_precision(str(cfg.trainer.precision), str(cfg.trainer.accelerator))
    check_targets(plain(cfg), allowed_packages(cfg))
    processes = Processes.of_task()
    with processes.step():
        manifest = checked_manifest(cfg)
        _print(store_line(cfg, manifest))
        inputs = Inputs.of(cfg, manifest)
        for caution in inputs.warnings:
            _print(caution)
        run = run_dir_of(cfg, inputs.digests)
        # Before there is a folder, so that a wrong name, class or argument leaves none behind.
        is_new = not cfg.trainer.fast_dev_run and not run.path.exists()
        prepared = _prepared(cfg, run, inputs) if is_new else None
    if cfg.trainer.fast_dev_run:
        return _fast_dev_run(cfg, run, inputs)
    with ExitStack() as held:
        with processes.step():
            is_done = _started(cfg, run, held)
        if processes.shared(is_done):
            auc, state = read_run(run.path).val_auc, "already done"
        else:
            auc, state = _train(cfg, run, inputs, prepared, processes), "done"
    if _is_first():
        print_text("\n".join(end_lines(read_run(run.path), state, cfg.test)))
    return auc


def _started(cfg: DictConfig, run: RunDir, held: ExitStack) -> bool:
    """Wait for the run's lock, which `held` then holds, and begin the run's folder; whether the run is done already.

    Only the first process does so.
    """
    if not _is_first():
        return run.result is not None
    record_run(run.path)
    held.enter_context(run.lock())
    if run.result is not None:
        return True
    run.start(cfg)
    return False


def _train(cfg: DictConfig, run: RunDir, inputs: Inputs, prepared: Prepared | None, processes: Processes) -> float:
    """Train from the start or from the last checkpoint; the validation AUC, NaN where it is undefined.

    The run folder keeps the error of a training that fails, with the traceback of one in a class of the user's own.
    """
    try:
        with closed_dashboard(), own_errors(cfg, run.path / ERROR), errors_about(run.path):
            with processes.step():
                prepared = prepared or _prepared(cfg, run, inputs)
                if cfg.test:
                    prepared[1].setup("test")  # what is wrong with the test split is said before hours of training
                checkpoint = _start(cfg, run, prepared[0])
            return _fit(cfg, run, inputs, prepared, checkpoint)
    except SIGTERMException:
        raise SystemExit(128 + signal.SIGTERM) from None  # Lightning would exit with 0, as if all were done
    except Exception as error:
        if _is_first():
            run.fail(error)
        raise


def _fit(cfg: DictConfig, run: RunDir, inputs: Inputs, prepared: Prepared, checkpoint: str | None) -> float:
    """Train to the end, from a checkpoint if there is one, and write the result."""
    network, data, trainer = prepared
    with lightning_errors(cfg):
        trainer.fit(network, data, ckpt_path=checkpoint, weights_only=True)
    best = trainer.checkpoint_callback
    assert isinstance(best, ModelCheckpoint)
    if not best.best_model_path:
        _keep_last(run, trainer)
    auc = _finite(best.best_model_score)
    facts = facts_of(cfg) | {"selected_by": best.monitor, "val_auc": auc, "test_auc": None}
    folds = 0 if cfg.fold is None else n_folds(inputs.manifest.images)
    facts |= {"n_folds": folds, "reads": inputs.paths(run.path), "scale": inputs.manifest.header.scale}
    facts |= {"batch_size": cfg.batch_size, "batch_parts": batch_parts(cfg.batch_size, trainer.world_size)}
    if cfg.test:
        if traits_of(cfg).saves_embeddings:  # f_agg will read the h of the same windows
            data = datamodule_of(cfg, inputs.manifest, embeddings=_embeddings(run.path, cfg))
        # Not ckpt_path: of a run with averaged weights Lightning would test the weights before averaging.
        network.load_state_dict(read_weights(run.path / BEST)["state_dict"])
        with lightning_errors(cfg):
            trainer.test(network, data, verbose=False)
        facts["test_auc"] = _finite(trainer.callback_metrics.get("test_auc"))
        if trainer.is_global_zero:
            facts |= write_test_scores(network, data, run.path, run.name)
        write_validation_scores(network, data, run.path, trainer)
    for logger in trainer.loggers:
        logger.finalize("success")
    if trainer.is_global_zero:
        callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
        (taken,) = (each.seconds for each in callbacks if isinstance(each, TimeTaken))
        run.finish({**facts, "seconds": round(taken, 1)})
    return float("nan") if auc is None else auc


def _keep_last(run: RunDir, trainer: pl.Trainer) -> None:
    """Keep the last checkpoint in place of a best one: only a part of the split was validated, and it was of one class.

    Raises:
        MammoError: there was no validation at all.
    """
    if MONITOR not in trainer.callback_metrics:
        raise MammoError(f"{run.name}: {UNVALIDATED}")
    if trainer.is_global_zero:
        with atomic_write(run.path / BEST) as written:
            shutil.copyfile(run.path / LAST, written)
    trainer.strategy.barrier()


def _start(cfg: DictConfig, run: RunDir, network: pl.LightningModule) -> str | None:
    """The checkpoint to go on from: the run's own, else ckpt_path, whose weights the network then has; None: none."""
    last, note = last_checkpoint(run.path)
    if note:
        _print(f"{run.name}: {note}")
    if last is not None:
        return str(last)
    return None if cfg.get("ckpt_path") is None else start_from(Path(cfg.ckpt_path), network, cfg.trainer.max_epochs)


def _fast_dev_run(cfg: DictConfig, run: RunDir, inputs: Inputs) -> float:
    """Train, validate and test with one batch, in a temporary folder."""
    with TemporaryDirectory() as folder, own_errors(cfg), lightning_errors(cfg):
        network, data, trainer = _prepared(cfg, replace(run, path=Path(folder)), inputs)
        trainer.fit(network, data)
        if cfg.test:
            trainer.test(network, data, verbose=False)
    _print(f"{run.name}: the fast dev run has passed; nothing is kept of it")
    return float("nan")


def _prepared(cfg: DictConfig, run: RunDir, inputs: Inputs) -> Prepared:
    """The network, freshly initialized, the data and the trainer."""
    if cfg.torch.threads:
        torch.set_num_threads(cfg.torch.threads)
    data = _data_of(cfg, inputs)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    network = network_of(cfg)
    for line in start_lines(cfg, network):
        _print(f"{run.name}: {line}")
    if cfg.torch.compile:
        compile_forward(network)
    trainer = trainer_of(cfg, run)
    parts = batch_parts(cfg.batch_size, trainer.world_size)
    if len(parts) > 1:
        rows = ", ".join(map(str, parts))
        _print(f"{run.name}: each batch of {cfg.batch_size} is dealt to {len(parts)} processes: {rows}")
    return network, data, trainer


def _data_of(cfg: DictConfig, inputs: Inputs) -> MammoDataModule:
    """The datamodule of a run; embeddings that are not cached are computed when training or evaluation reads them."""
    maps = {}
    if inputs.context:
        maps = image_map_sources(cfg, inputs.manifest, inputs.context.source, traits_of(cfg).columns)
    data = datamodule_of(cfg, inputs.manifest, maps)
    if inputs.floc:
        data.embeddings = _embeddings(inputs.floc, cfg)
    return data


def _embeddings(floc: Path, cfg: DictConfig) -> FLocEmbeddings:
    return FLocEmbeddings(floc, cfg.trainer.precision, str(cfg.trainer.accelerator), allowed_packages(cfg))


def _print(line: str) -> None:
    if _is_first():
        print_text(line)


def _finite(value: torch.Tensor | None) -> float | None:
    """An AUC for JSON; None if it is undefined."""
    return None if value is None else json_number(float(value))  # -inf where every epoch's AUC was NaN


def _is_first() -> bool:
    """Whether this process is the one that writes and prints."""
    return int(getattr(rank_zero_only, "rank", None) or 0) == 0
