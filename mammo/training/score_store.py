"""Scoring the lesions of any store with trained networks: an f_agg run and the f_loc and context runs that it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.dataset import PlanDataset, Reader, SaliencySource
from mammo.data.loader import Loader
from mammo.data.plans import Plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.models.context_network import ContextNetwork
from mammo.models.lesion_auroc import ScoredLesions, score_lesions
from mammo.progress import track
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.store.splits import of_fold
from mammo.training.build import crops_of, frame_of
from mammo.training.configured_classes import load_network, read_config
from mammo.training.export_scores import lesion_table
from mammo.training.network import traits_of
from mammo.training.precomputed import autocast, embed_plan, load_context, load_floc, saliency_maps
from mammo.training.results import read_run
from mammo.training.run_dir import require_finished

ROWS_PER_BATCH = 1000


@dataclass(frozen=True, eq=False)
class StoreScores:
    """The scores of a store's lesions, with what is needed to draw them.

    Attributes:
        table: the lesion score table.
        plan: every lesion's windows.
        reader: the pixels of the plan's images.
        context: the context network, where f_agg uses saliency maps.
    """

    table: pd.DataFrame
    plan: Plan
    reader: Reader
    context: ContextNetwork | None


def score_store(run: Path, store: Path, n_windows: int, allowed: Sequence[str] = ()) -> StoreScores:
    """Score every malignant or benign lesion of the store.

    Args:
        run: the folder of a finished f_agg run (run_dir.chosen_run).
        store: an image store of the same frame, split or not.
        n_windows: windows per lesion (the paper: 100).
        allowed: packages that the runs' configurations may name classes of (allow_targets).

    Raises:
        MammoError: a configuration names a class that is rejected, a run behind this one is missing, the frames differ,
            or the store has no lesion to score.
    """
    cfg = read_config(run, allowed)
    manifest, result = Manifest.load(store), read_run(run)
    manifest.check_frame(frame_of(cfg), str(run), store)
    index = SamplingIndex.from_manifest(manifest)
    plan = lesion_plan(index, crops_of(cfg), n_windows, EVALUATION_SEED)
    if len(plan) == 0:
        raise MammoError(f"{store} has no lesion labeled malignant or benign: ingest data with labeled lesions")
    reader = Reader.from_manifest(store, manifest, crops_of(cfg).patch_px)
    network = load_network(run, pl.LightningModule, allowed)
    reads, needed = result.reads, traits_of(cfg).columns
    context: ContextNetwork | None = None
    source: SaliencySource | None = None
    h: NDArray[np.float32] | None = None
    if "embedding" in needed:
        floc = load_floc(require_finished(run / reads["floc"], "floc"), allowed)
        h = embed_plan(floc, plan, reader, cfg.trainer.precision)
    if "saliency" in needed:
        context = _context_network(run, reads, cfg, allowed)
        maps = saliency_maps(context, store, manifest, list(manifest.images.index), cfg.trainer.precision)
        source = partial(_stacked, dict(track(maps, "saliency", len(manifest.images))))
    scored = _score(network, PlanDataset(plan, needed, reader, source, h), cfg.trainer.precision)
    seen = of_fold(manifest, result.fold) if result.store == manifest.digest() else manifest
    return StoreScores(lesion_table(scored, seen, result.fold), plan, reader, context)


def _context_network(run: Path, reads: Mapping[str, str], cfg: DictConfig, allowed: Sequence[str]) -> ContextNetwork:
    """The context network that the f_agg run was trained with."""
    if cfg.context.source != "gmic":
        raise MammoError(
            f"{run} was trained with context={cfg.context.source}, which has no maps for other images: "
            "score with a run of context=gmic"
        )
    return load_context(run / reads["context"], allowed)


def _stacked(maps: Mapping[str, NDArray[np.float32]], image_ids: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([maps[image_id] for image_id in image_ids])


def _score(network: pl.LightningModule, dataset: PlanDataset, precision: str) -> ScoredLesions:
    """The lesions of the whole plan, scored by f_agg."""
    with torch.inference_mode(), autocast(network, precision):
        batches = Loader(dataset, ROWS_PER_BATCH)
        return score_lesions(network.predict_step(batch, number) for number, batch in enumerate(batches))
