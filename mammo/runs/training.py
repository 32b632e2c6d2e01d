"""One training run from a composed configuration: found if it was done, resumed if it was begun, else started."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig

from mammo.data.batches import SaliencySource
from mammo.data.datamodule import MammoDataModule
from mammo.maps.stack import canonical, columns, maps_name
from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Split
from mammo.runs.build import (
    checked_manifest,
    datamodule_of,
    frame_of,
    network_of,
    run_name,
    saliency_source,
    trainer_of,
)
from mammo.runs.folder import RunFolder, best_run, finished
from mammo.runs.saved import embeddings_of, saliency_of
from mammo.scoring.lesion_table import write_lesion_table
from mammo.store.embeddings import Embeddings
from mammo.store.manifest import Manifest


def train(cfg: DictConfig) -> float:
    """Train, validate and test one network; its validation AUC.

    Raises:
        MammoError: the configuration, the store or what the run reads from other runs is not in order.
    """
    if cfg.model.name == "fagg":
        canonical(cfg.get("maps", ()))
    manifest = checked_manifest(cfg)
    sources = _sources(cfg)
    reads = {"store": manifest.digest(), **{name: _digest_of(path) for name, path in sources.items()}}
    run = RunFolder.of(cfg, run_name(cfg), reads)
    if run.result is not None:
        print(f"{run.name}: already done in {run.path}, val AUC {run.result['val_auc']:.3f}", flush=True)
        return float(run.result["val_auc"])
    run.start(cfg)
    if cfg.model.name == "floc":
        start = "ImageNet weights" if cfg.backbone.init == "imagenet" else "He initialisation, not ImageNet weights"
        print(f"{run.name}: the backbone starts from {start} (backbone.init={cfg.backbone.init})", flush=True)
    _fit(cfg, run, manifest, sources)
    assert run.result is not None
    print(f"{run.name}: done, val AUC {run.result['val_auc']:.3f}, in {run.path}", flush=True)
    return float(run.result["val_auc"])


def _fit(cfg: DictConfig, run: RunFolder, manifest: Manifest, sources: dict[str, Path]) -> None:
    """Train to the end, from the last checkpoint if there is one, and write what came of it."""
    started = time.monotonic()
    if cfg.trainer.threads:
        torch.set_num_threads(cfg.trainer.threads)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    data = datamodule_of(cfg, *_inputs(cfg, sources))
    network = network_of(cfg)
    trainer = trainer_of(cfg, run.path, run.name)
    last = run.path / "last.ckpt"
    trainer.fit(network, data, ckpt_path=str(last) if last.is_file() else None)
    facts: dict[str, Any] = {
        "model": cfg.model.name,
        "maps": maps_name(cfg.maps) if cfg.model.name == "fagg" else "",
        "seed": cfg.seed,
        "val_auc": _finite(trainer.checkpoint_callback.best_model_score),  # type: ignore[union-attr]
        "test_auc": None,
        "reads": {model: os.path.relpath(path, run.path) for model, path in sources.items()},
    }
    if cfg.test:
        trainer.test(network, data, ckpt_path=str(run.path / "best.ckpt"), verbose=False)
        facts["test_auc"] = _finite(trainer.callback_metrics["test_auc"])
        if isinstance(network, PatchClassifier) and trainer.is_global_zero:
            write_lesion_table(lesion_table(network, manifest.of_split(Split.TEST)), run.path / "lesions.parquet")
    for logger in trainer.loggers:
        logger.finalize("success")
    if trainer.is_global_zero:
        run.finish({**facts, "seconds": round(time.monotonic() - started, 1)})


def lesion_table(network: PatchClassifier, manifest: Manifest) -> pd.DataFrame:
    """The lesion score table of what the network scored last, on the lesions of this manifest."""
    assert network.scores is not None
    assert network.lesions is not None
    lesions = manifest.lesions.reset_index().iloc[network.lesions.numpy()]
    images = manifest.images.loc[lesions["image_id"]].reset_index(drop=True)
    table = lesions[["lesion_id", "image_id", "label", "label_source", "finding"]].reset_index(drop=True)
    return table.assign(
        exam_id=images["exam_id"],
        patient_id=images["patient_id"],
        view=images["view"],
        split=images["split"],
        malignant=(table["label"] == "malignant").astype(np.int64),
        score=network.scores.score,
        score_sd=network.scores.sd,
        n_windows=network.scores.n_windows,
    )


def _sources(cfg: DictConfig) -> dict[str, Path]:
    """The runs that f_agg reads from: only those that its maps need."""
    if cfg.model.name != "fagg":
        return {}
    needed = columns(cfg.maps)
    sources = {}
    for model, column in (("floc", "embedding"), ("context", "saliency")):
        if column in needed and not (model == "context" and cfg.model.saliency == "zeros"):
            asked = cfg.model[model]
            if asked in ("best", "paired"):
                sources[model] = best_run(Path(cfg.root), model, cfg.seed if asked == "paired" else None)
            else:
                sources[model] = finished(Path(asked), model)
    return sources


def _digest_of(run: Path) -> str:
    """The digest of a finished run: it names the run's configuration and all that it read."""
    return run.name.rsplit("-", 1)[-1]


def _inputs(cfg: DictConfig, sources: dict[str, Path]) -> tuple[SaliencySource | None, Embeddings | None]:
    """Saliency source and embeddings of an f_agg run, made now if they are missing; nothing for other networks."""
    saliency: SaliencySource | None = None
    embeddings: Embeddings | None = None
    if cfg.model.name == "fagg" and "saliency" in columns(cfg.maps):
        run, store = sources.get("context"), Path(cfg.store)
        maps = saliency_of(run, store, cfg.trainer.precision) if run else None
        saliency = saliency_source(cfg.model.saliency, frame_of(cfg), maps)
    if "floc" in sources:
        data: MammoDataModule = datamodule_of(cfg)
        embeddings = embeddings_of(sources["floc"], data, cfg.trainer.precision)
    return saliency, embeddings


def _finite(value: torch.Tensor | None) -> float | None:
    """An AUC for JSON: None where it is undefined."""
    number = float("nan") if value is None else float(value)
    return None if np.isnan(number) else number
