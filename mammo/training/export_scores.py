"""Score tables by trained networks: of a run's own test and validation split, and of the lesions of any store.

After its test, f_loc and f_agg write lesions.parquet and windows.parquet; f_agg also lesions-val.parquet, on which
thresholds are chosen, and windows-val.parquet; the context network writes images.parquet. Any other store is scored by
a finished f_agg run and the f_loc and context runs that it reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig

from mammo.data.datamodule import EVALUATION_SEED, MammoDataModule
from mammo.data.dataset import PlanDataset, Reader, SaliencySource
from mammo.data.loader import Loader
from mammo.data.plans import Plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.models.context_network import ContextNetwork
from mammo.models.epoch_metrics import ScoredImages, ScoredLesions, WindowPredictions, score_lesions
from mammo.progress import track
from mammo.records import MammoError, Pathology, Split
from mammo.scoring.score_tables import (
    IMAGE_CLASSES,
    image_auc,
    write_image_table,
    write_lesion_table,
    write_window_table,
)
from mammo.scoring.trivial_predictors import PREDICTORS, lesion_facts, trivial_scores
from mammo.store.manifest import Manifest
from mammo.store.splits import NO_FOLD, of_fold
from mammo.training.build import crops_of, frame_of, traits_of
from mammo.training.configured_classes import load_network, read_config
from mammo.training.precomputed import autocast, embed_plan, load_context, load_floc, saliency_maps
from mammo.training.results import read_run
from mammo.training.run_dir import require_finished

IMAGE_COLUMNS = ("source", "exam_id", "patient_id", "laterality", "view", "vendor", "density", "split")
"""Columns of a lesion's image that its row repeats."""

ROWS_PER_BATCH = 1000


def write_test_scores(network: pl.LightningModule, data: MammoDataModule, folder: Path, name: str) -> None:
    """Write the score tables of the test split; print the AUCs over images.

    Args:
        network: after trainer.test; its attribute `scored` holds what it scored, lesions or images. Nothing is written
            for a network without it.
        data: the datamodule of that test.
        folder: the run folder.
        name: the run's name.
    """
    scored = getattr(network, "scored", None)
    if isinstance(scored, ScoredLesions):
        _write_lesions(scored, data, Split.TEST, folder, "")
    elif isinstance(scored, ScoredImages):
        table = image_table(scored, data.split_data(Split.TEST).manifest, data.fold)
        write_image_table(table, folder / "images.parquet")
        for label in IMAGE_CLASSES:
            auc = image_auc(table, label)
            interval = f"95 % interval {auc.low:.3f} to {auc.high:.3f}"
            print(f"{name}: test images, {label} lesion or not: AUC {auc.value:.3f} ({interval})", flush=True)


def write_validation_scores(
    network: pl.LightningModule, data: MammoDataModule, folder: Path, trainer: pl.Trainer
) -> None:
    """Write the lesion and window tables of the validation split by a network with scores_validation, after its test.

    The scores come from trainer.predict: validation would log a second time, and with averaged weights replaced.
    """
    if getattr(network, "scores_validation", False):
        predictions = cast(list[WindowPredictions], trainer.predict(network, datamodule=data))
        scored = score_lesions(predictions)
        if trainer.is_global_zero:
            _write_lesions(scored, data, Split.VAL, folder, "-val")


def _write_lesions(scored: ScoredLesions, data: MammoDataModule, split: Split, folder: Path, ending: str) -> None:
    manifest = data.split_data(split).manifest
    trivial = trivial_scores(lesion_facts(data.split_data(Split.TRAIN).manifest), lesion_facts(manifest))
    write_lesion_table(lesion_table(scored, manifest, data.fold, trivial), folder / f"lesions{ending}.parquet")
    windows = window_table(scored, data.evaluation_plan(split), manifest)
    write_window_table(windows, folder / f"windows{ending}.parquet")


def lesion_table(
    scored: ScoredLesions, manifest: Manifest, fold: int | None, trivial: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The lesion score table of a run (columns: score_tables.LESION_COLUMNS).

    Args:
        scored: the lesions, by row of the manifest.
        manifest: of the lesions.
        fold: that the run tested; None without folds.
        trivial: trivial_predictors.trivial_scores of the manifest's lesions; None where the run's training lesions are
            unknown.
    """
    lesions = manifest.lesions.reset_index().iloc[scored.row.numpy()]
    images = manifest.images.loc[lesions["image_id"]].reset_index(drop=True)
    own = ["lesion_id", "image_id", "label", "label_source", "high_risk", "finding", "birads", "pathology_type"]
    table = lesions[own].reset_index(drop=True)
    boxes = lesions[["row0", "row1", "col0", "col1"]].to_numpy()
    sides = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
    return table.assign(
        **{column: images[column] for column in IMAGE_COLUMNS},
        high_risk=table["high_risk"].astype(np.int64),
        malignant=(table["label"] == Pathology.MALIGNANT).astype(np.int64),
        fold=NO_FOLD if fold is None else fold,
        size_px=sides * images["scale"] / manifest.frame.fineness,
        score=scored.scores.score,
        score_sd=scored.scores.sd,
        n_windows=scored.scores.n_windows,
        **{name: np.nan if trivial is None else trivial[name].to_numpy()[scored.row.numpy()] for name in PREDICTORS},
    )


def window_table(scored: ScoredLesions, plan: Plan, manifest: Manifest) -> pd.DataFrame:
    """The window score table of the lesions in lesion_table (columns: score_tables.WINDOW_COLUMNS).

    Args:
        scored: the lesions, scored by the windows of the plan.
        plan: the lesions' windows.
        manifest: whose rows the plan counts.
    """
    windows = scored.scores
    rows = scored.row.numpy()[windows.lesion]
    scores = pd.DataFrame({"lesion": rows, "window": windows.window, "score": windows.window_score})
    places = pd.DataFrame(plan.windows[:, :3], columns=["row", "col", "side"])
    table = scores.merge(places.assign(lesion=plan.lesion, window=plan.repeat), on=["lesion", "window"])
    return table.assign(lesion_id=manifest.lesions.index[table["lesion"]]).drop(columns="lesion")


def image_table(scored: ScoredImages, manifest: Manifest, fold: int | None) -> pd.DataFrame:
    """The image score table of a run (columns: score_tables.IMAGE_COLUMNS).

    Args:
        scored: the images, by row of the manifest.
        manifest: of the images.
        fold: that the run tested; None without folds.
    """
    images = manifest.labeled_images.iloc[scored.row.numpy()].reset_index()
    table = images[["image_id", "exam_id", "patient_id", "laterality", "view", "split"]]
    table = table.assign(fold=NO_FOLD if fold is None else fold)
    for column, label in enumerate((Pathology.MALIGNANT.value, Pathology.BENIGN.value)):
        table[label] = images[label].astype(np.int64)
        table[f"score_{label}"] = scored.score[:, column].numpy()
    return table


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


def score_store(
    run: Path, store: Path, n_windows: int, allowed: Sequence[str] = (), fold: int | None = None
) -> StoreScores:
    """Score every malignant or benign lesion of the store, or of one of its folds.

    Args:
        run: the folder of a finished f_agg run (run_dir.chosen_run).
        store: an image store of the same frame, split or not.
        n_windows: windows per lesion (the paper: 100).
        allowed: packages that the runs' configurations may name classes of (allow_targets).
        fold: score only the lesions of this fold; None for all.

    Raises:
        MammoError: a configuration names a class that is rejected, a run behind this one is missing, the frames differ,
            or there is no lesion to score.
    """
    cfg = read_config(run, allowed)
    manifest, result = Manifest.load(store), read_run(run)
    manifest.check_frame(frame_of(cfg), str(run), store)
    index = SamplingIndex.from_manifest(manifest)
    plan = lesion_plan(index, crops_of(cfg), n_windows, EVALUATION_SEED)
    if fold is not None:
        plan = plan.take(np.flatnonzero(manifest.images["fold"].to_numpy()[plan.image] == fold))
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
        image_ids = list(manifest.images.index[np.unique(plan.image)])
        maps = saliency_maps(context, store, manifest, image_ids, cfg.trainer.precision)
        source = partial(_stacked, dict(track(maps, "saliency", len(image_ids))))
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
