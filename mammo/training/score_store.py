"""Scoring the lesions of any store with saved networks: an f_agg run and the f_loc and context runs that it reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.dataset import PlanDataset, Reader, SaliencySource
from mammo.data.loader import Loader
from mammo.data.plans import Plan, lesion_plan
from mammo.data.sampling_index import Ground
from mammo.maps.stack import columns
from mammo.models.context_network import ContextNetwork, network_of_checkpoint
from mammo.models.fagg import FAgg
from mammo.models.floc import FLoc
from mammo.progress import track
from mammo.records import MammoError
from mammo.store.manifest import Manifest
from mammo.training.build import crops_of, frame_of
from mammo.training.export_scores import lesion_table
from mammo.training.precomputed import autocast, embed_plan, saliency_maps
from mammo.training.run_dir import require_finished

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, eq=False)
class StoreScores:
    """What the networks say of a store's lesions.

    Attributes:
        table: the lesion score table.
        plan: every lesion's windows.
        reader: where the pixels of the plan's rows are.
        context: the context network, where the maps need one.
    """

    table: pd.DataFrame
    plan: Plan
    reader: Reader
    context: ContextNetwork | None


def score_store(run: Path, store: Path, n_windows: int) -> StoreScores:
    """Score every malignant or benign lesion of the store.

    Args:
        run: the folder of a finished f_agg run (folder.chosen_run).
        store: any image store of the same frame; it need not be split.
        n_windows: windows per lesion (the paper: 100).

    Raises:
        MammoError: a run that it reads is missing, the frames differ, or there is no lesion to score.
    """
    cfg = OmegaConf.load(run / "config.yaml")
    assert isinstance(cfg, DictConfig)
    manifest = Manifest.load(store)
    manifest.check_frame(frame_of(cfg), str(run), store)
    ground = Ground.of(manifest)
    plan = lesion_plan(ground, crops_of(cfg), n_windows, EVALUATION_SEED)
    if len(plan) == 0:
        raise MammoError(f"{store} has no lesion labelled malignant or benign: there is nothing to score")
    reader = Reader.of(store, manifest, crops_of(cfg).patch_px)
    network = FAgg.load_from_checkpoint(run / "best.ckpt").eval()
    reads = json.loads((run / "result.json").read_text(encoding="utf-8"))["reads"]
    asked = columns(network.maps)
    context: ContextNetwork | None = None
    source: SaliencySource | None = None
    h: NDArray[np.float32] | None = None
    if "embedding" in asked:
        floc = FLoc.load_from_checkpoint(require_finished(run / reads["floc"], "floc") / "best.ckpt").eval()
        h = embed_plan(floc, plan, reader, cfg.trainer.precision)
    if "saliency" in asked:
        context = _context_network(run, reads, cfg)
        maps = saliency_maps(context, store, manifest, list(manifest.images.index), cfg.trainer.precision)
        source = partial(_stacked, dict(track(maps, "saliency", len(manifest.images))))
    _score(network, PlanDataset(plan, asked, reader, source, h), cfg.trainer.precision)
    return StoreScores(lesion_table(network, manifest), plan, reader, context)


def _context_network(run: Path, reads: dict[str, str], cfg: DictConfig) -> ContextNetwork:
    """The context network that the f_agg run was trained with."""
    if cfg.context.source != "gmic":
        raise MammoError(
            f"{run} was trained with context={cfg.context.source}, which knows nothing of other images: "
            "score with a run of context=gmic"
        )
    return network_of_checkpoint(run / reads["context"])


def _stacked(maps: Mapping[str, NDArray[np.float32]], image_ids: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([maps[image_id] for image_id in image_ids])


def _score(network: FAgg, dataset: PlanDataset, precision: str) -> None:
    """Run f_agg over the whole plan; the network keeps the lesion scores, as after a test."""
    with torch.inference_mode(), autocast(network, precision):
        for number, batch in enumerate(Loader(dataset, ROWS_AT_ONCE)):
            network.test_step(batch, number)
    network.collect_scores()
