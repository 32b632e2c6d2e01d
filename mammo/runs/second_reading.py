"""Scoring the lesions of any store with saved networks: an f_agg run and the f_loc and context runs that it reads."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig, OmegaConf

from mammo.data.batches import Reader
from mammo.data.datamodule import EVALUATION_SEED
from mammo.data.ground import Ground
from mammo.data.plans import Plan, lesion_plan
from mammo.maps.stack import columns
from mammo.models.context import ContextNetwork, network_of_checkpoint
from mammo.models.fagg import FAgg
from mammo.models.floc import FLoc
from mammo.progress import track
from mammo.records import MammoError
from mammo.runs.build import crops_of, frame_of
from mammo.runs.folder import finished
from mammo.runs.saved import autocast, represent, salient
from mammo.runs.score_tables import lesion_table
from mammo.store.manifest import Manifest

ROWS_AT_ONCE = 1000


@dataclass(frozen=True, eq=False)
class SecondReading:
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


def read_again(run: Path, store: Path, n_windows: int) -> SecondReading:
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
    batch = {"window": torch.from_numpy(plan.windows)}
    context: ContextNetwork | None = None
    if "embedding" in asked:
        floc = FLoc.load_from_checkpoint(finished(run / reads["floc"], "floc") / "best.ckpt").eval()
        batch["embedding"] = torch.from_numpy(represent(floc, plan, reader, cfg.trainer.precision))
    if "saliency" in asked:
        context = _context_network(run, reads, cfg)
        maps = salient(context, store, manifest, list(manifest.images.index), cfg.trainer.precision)
        saliency = dict(track(maps, "saliency", len(manifest.images)))
        batch["saliency"] = torch.from_numpy(np.stack([saliency[reader.ids[row]] for row in plan.image]))
    _score(network, batch, plan, cfg.trainer.precision)
    return SecondReading(lesion_table(network, manifest), plan, reader, context)


def _context_network(run: Path, reads: dict[str, str], cfg: DictConfig) -> ContextNetwork:
    """The context network that the f_agg run was trained with."""
    if cfg.context.source != "gmic":
        raise MammoError(
            f"{run} was trained with context={cfg.context.source}, which knows nothing of other images: "
            "score with a run of context=gmic"
        )
    return network_of_checkpoint(run / reads["context"])


def _score(network: FAgg, batch: dict[str, torch.Tensor], plan: Plan, precision: str) -> None:
    """Run f_agg over the whole plan; the network keeps the lesion scores, as after a test."""
    for start in range(0, len(plan), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        part = {name: column[rows] for name, column in batch.items()}
        part |= {name: torch.from_numpy(getattr(plan, name)[rows]) for name in ("lesion", "repeat", "target")}
        part["image_row"] = torch.from_numpy(plan.image[rows])
        with torch.inference_mode(), autocast(network, precision):
            network.test_step(part, start)
    network.collect_scores()
