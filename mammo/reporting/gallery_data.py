"""Builds the report's gallery from runs and store: lesions with their windows, images, outlines and maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mammo.data.dataset import SaliencySource
from mammo.maps.stack import location_map
from mammo.paper import LOCAL
from mammo.progress import track
from mammo.reporting.evaluation import Evaluation
from mammo.reporting.gallery import FIELDS, GalleryImage, choose_lesions, frame_values, image_values, lesion_values
from mammo.reporting.pooled_runs import PooledRun, pooled_runs
from mammo.reporting.shared_lesions import share_lesions
from mammo.scoring.score_tables import size_group
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.splits import NO_FOLD
from mammo.training.results import Run
from mammo.training.saliency_source import saliency_cache


def build_gallery(evaluation: Evaluation, root: Path, store: Path, n_lesions: int) -> dict[str, Any]:
    """The data of the page's viewer.

    Args:
        evaluation: of the runs.
        root: the folder that holds the cached saliency maps.
        store: the image store.
        n_lesions: most lesions in the gallery.

    Returns:
        frame, fields (of the filters), images by id, lesions as a list, and maps, the combination of maps that scored
        them; all ready for JSON.
    """
    manifest, pixels = Manifest.load(store), ImageStore(store)
    runs = [run for run in evaluation.runs if run.maps == evaluation.main and not run.is_control]
    windows = _windows(pooled_runs(runs))
    shown = choose_lesions(_lesions(evaluation, windows), n_lesions)
    saliency = _saliency(runs, root, manifest)
    by_lesion = dict(iter(windows.groupby("lesion_id")))
    lesions = []
    for _, lesion in shown.iterrows():
        own_windows = by_lesion[lesion["lesion_id"]]
        upright = torch.tensor(own_windows[["row", "col", "side"]].assign(angle=0.0).to_numpy())
        location = location_map(upright, manifest.frame).mean(dim=0)[0].numpy()
        lesions.append(lesion_values(lesion, own_windows, location))
    images = {}
    for image_id in track(list(dict.fromkeys(shown["image_id"])), "gallery", shown["image_id"].nunique()):
        on_image = manifest.lesions[manifest.lesions["image_id"] == image_id]
        outlines = [(key, str(on_image.at[key, "label"]), *manifest.network_outline(key)) for key in on_image.index]
        maps = None if saliency is None else saliency([image_id])[0]
        images[image_id] = image_values(
            GalleryImage(pixels.network(image_id, manifest.chain(image_id)), maps, outlines)
        )
    common = {"frame": frame_values(manifest.frame), "fields": FIELDS, "maps": evaluation.main}
    return {**common, "images": images, "lesions": lesions}


def _windows(pools: Sequence[PooledRun]) -> pd.DataFrame:
    """The runs' windows with their seed-mean score."""
    tables = [pool.windows().set_index(["lesion_id", "window"]) for pool in pools]
    score = sum(table["score"] for table in tables) / len(tables)
    return tables[0].assign(score=score).reset_index()


def _lesions(evaluation: Evaluation, windows: pd.DataFrame) -> pd.DataFrame:
    """Test and, without folds, validation lesions with their seed-mean scores, with and without context."""
    means, unknown = evaluation.mean_scores, np.full(len(evaluation.lesions), np.nan)
    local = means.get(LOCAL, unknown) if evaluation.main != LOCAL else unknown
    parts = [evaluation.lesions.assign(score=means[evaluation.main], without=local)]
    if None in evaluation.validation:
        validation, score = evaluation.validation[None]
        parts.append(validation.assign(score=score, without=_local_validation(evaluation, validation)))
    table = pd.concat(parts, ignore_index=True)
    spread = windows.groupby("lesion_id")["score"].std(ddof=0)
    table = table[table["lesion_id"].isin(spread.index)]
    return table.assign(size=size_group(table["size_px"]), score_sd=spread.loc[table["lesion_id"]].to_numpy())


def _local_validation(evaluation: Evaluation, lesions: pd.DataFrame) -> "pd.Series[float]":
    """The seed-mean score without context of validation lesions; NaN if unknown."""
    runs = [run for run in evaluation.runs if run.maps == LOCAL != evaluation.main]
    tables = {run.name: table for run in runs if (table := run.validation()) is not None}
    if not tables:
        return pd.Series(np.nan, index=lesions.index)
    shared = share_lesions(tables)
    scores = dict(zip(shared.lesions["lesion_id"], np.mean(list(shared.scores.values()), axis=0), strict=True))
    return lesions["lesion_id"].map(scores).astype("float64")


def _saliency(runs: Sequence[Run], root: Path, manifest: Manifest) -> SaliencySource | None:
    """Source of the seed-mean saliency maps of the runs' context networks; None if the runs read no saliency maps.

    With folds, an image's maps are by the networks that it was a test image of.
    """
    sources: dict[int, list[SaliencySource]] = {}
    for run in runs:
        if "context" in run.reads:
            cache = saliency_cache(run.folder / run.reads["context"], root, manifest)
            sources.setdefault(NO_FOLD if run.fold is None else run.fold, []).append(cache)
    if not sources:
        return None
    fold_of = manifest.images["fold"]

    def mean_maps(image_ids: Sequence[str]) -> NDArray[np.float32]:
        return np.concatenate([np.mean([of([key]) for of in sources[fold_of[key]]], axis=0) for key in image_ids])

    return mean_maps
