"""The report's gallery: lesions chosen from the runs, with their windows, images, outlines and maps, ready for JSON.

No value names a patient. Coordinates are (x, y) = (column, row) in the network frame, as browsers use them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mammo.data.dataset import ImageMapSource
from mammo.maps.stack import location_map
from mammo.maps.view_sources import KINDS, OtherViewMaps, view_sources
from mammo.paper import LOCAL
from mammo.progress import track
from mammo.reporting.evaluation import Evaluation
from mammo.reporting.gallery_images import (
    OTHER,
    WHOLE,
    WHOLE_WITH_OTHERS,
    GalleryImage,
    Grid,
    frame_values,
    grid_bytes,
    image_values,
)
from mammo.reporting.gallery_views import lesion_views, maps_with_views
from mammo.reporting.reported_runs import PooledRun, pooled_runs
from mammo.reporting.shared_lesions import share_lesions
from mammo.scoring.score_tables import size_group
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.splits import NO_FOLD
from mammo.training.results import Run
from mammo.training.saliency_source import saliency_cache

FIELDS = {
    "label": "Pathology",
    "split": "Split",
    "finding": "Finding",
    "pathology_type": "Type",
    "view": "View",
    "laterality": "Laterality",
    "vendor": "Vendor",
    "density": "Density",
    "size": "Size",
    "label_source": "Label source",
    "high_risk": "High-risk",
}
"""The fields that lesions are filtered by, and their names on the page."""


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
    manifest, pixels = Manifest.current(store), ImageStore(store)
    runs = evaluation.main_runs
    windows = _windows(pooled_runs(runs))
    shown = choose_lesions(_lesions(evaluation, windows), n_lesions)
    sources = _view_sources(evaluation.runs, root, manifest)
    by_lesion = dict(iter(windows.groupby("lesion_id")))
    lesions = [
        _shown_lesion(lesion, by_lesion[lesion["lesion_id"]], sources, manifest) for _, lesion in shown.iterrows()
    ]
    others = dict.fromkeys(view["image"] for lesion in lesions for view in lesion["views"] if view["image"])
    own, saliency = dict.fromkeys(shown["image_id"]), _saliency(runs, root, manifest)
    images = {}
    for image_id in track(list(own), "gallery", len(own)):
        image = _gallery_image(pixels, manifest, image_id, saliency)
        images[image_id] = image_values(image, WHOLE_WITH_OTHERS if others else WHOLE)
    for image_id in [key for key in others if key not in own]:
        images[image_id] = image_values(_gallery_image(pixels, manifest, image_id, sources[0].saliency), OTHER)
    common = {"frame": frame_values(manifest.frame), "fields": FIELDS, "maps": evaluation.main}
    return {**common, "images": images, "lesions": lesions}


def _shown_lesion(
    lesion: "pd.Series[Any]", windows: pd.DataFrame, sources: Sequence[OtherViewMaps], manifest: Manifest
) -> dict[str, Any]:
    """The values of a lesion of _lesions, with these windows, and of the other images of its exam."""
    upright = torch.tensor(windows[["row", "col", "side"]].assign(angle=0.0).to_numpy())
    location = location_map(upright, manifest.frame).mean(dim=0)[0].numpy()
    outline = manifest.network_outline(lesion["lesion_id"])
    views = lesion_views(sources, manifest, lesion["image_id"], outline)
    return lesion_values(lesion, windows, location) | {"views": views}


def _gallery_image(
    pixels: ImageStore, manifest: Manifest, image_id: str, saliency: ImageMapSource | None
) -> GalleryImage:
    """An image with its maps and all outlines on it."""
    on_image = manifest.lesions[manifest.lesions["image_id"] == image_id]
    outlines = [(key, str(on_image.at[key, "label"]), *manifest.network_outline(key)) for key in on_image.index]
    maps = None if saliency is None else saliency([image_id])[0]
    return GalleryImage(pixels.network(image_id, manifest.chain(image_id)), maps, outlines)


def _view_sources(runs: Sequence[Run], root: Path, manifest: Manifest) -> list[OtherViewMaps]:
    """Sources of the maps of other images that runs read, made from the seed-mean S of these; empty without them."""
    maps = maps_with_views(runs)
    saliency = _saliency([run for run in runs if run.maps == maps and not run.is_control], root, manifest)
    if not maps or saliency is None:
        return []
    kinds = [kind for kind in KINDS if kind in maps.split("+")]
    return list(view_sources(manifest, kinds, saliency, saliency).values())


def _windows(pools: Sequence[PooledRun]) -> pd.DataFrame:
    """The runs' windows with their seed-mean score."""
    tables = [pool.windows().set_index(["lesion_id", "window"]) for pool in pools]
    score = sum(table["score"] for table in tables) / len(tables)
    return tables[0].assign(score=score).reset_index()


def _lesions(evaluation: Evaluation, windows: pd.DataFrame) -> pd.DataFrame:
    """Test and, without folds, validation lesions with their seed-mean scores, without context and with all of it."""
    means = evaluation.mean_scores
    compared = {"without": LOCAL, "with_others": maps_with_views(evaluation.runs)}
    compared = {name: maps for name, maps in compared.items() if maps in means and maps != evaluation.main}
    empty = dict.fromkeys(("without", "with_others"), np.nan)
    test = {"score": means[evaluation.main]} | empty | {name: means[maps] for name, maps in compared.items()}
    parts = [evaluation.lesions.assign(**test)]
    if None in evaluation.validation:
        validation, score = evaluation.validation[None]
        own = {name: _validation_score(evaluation, validation, maps) for name, maps in compared.items()}
        parts.append(validation.assign(**({"score": score} | empty | own)))
    table = pd.concat(parts, ignore_index=True)
    spread = windows.groupby("lesion_id")["score"].std(ddof=0)
    table = table[table["lesion_id"].isin(spread.index)]
    return table.assign(size=size_group(table["size_px"]), score_sd=spread.loc[table["lesion_id"]].to_numpy())


def _validation_score(evaluation: Evaluation, lesions: pd.DataFrame, maps: str) -> "pd.Series[float]":
    """The seed-mean score of validation lesions by these maps; NaN if unknown."""
    runs = [run for run in evaluation.runs if run.maps == maps and not run.is_control]
    tables = {run.name: table for run in runs if (table := run.validation()) is not None}
    if not tables:
        return pd.Series(np.nan, index=lesions.index)
    shared = share_lesions(tables)
    scores = dict(zip(shared.lesions["lesion_id"], np.mean(list(shared.scores.values()), axis=0), strict=True))
    return lesions["lesion_id"].map(scores).astype("float64")


def _saliency(runs: Sequence[Run], root: Path, manifest: Manifest) -> ImageMapSource | None:
    """Source of the seed-mean saliency maps of the runs' context networks; None if the runs read no saliency maps.

    With folds, an image's maps are by the networks that it was a test image of.
    """
    sources: dict[int, list[ImageMapSource]] = {}
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


def choose_lesions(lesions: pd.DataFrame, n: int) -> pd.DataFrame:
    """The lesions that a gallery of n shows, by score.

    A third are the malignant lesions with the lowest scores, a third the benign ones with the highest; the rest are
    spread evenly over the scores of the others.

    Args:
        lesions: lesion_id, malignant and score; all are shown if they are n or fewer.
        n: number of lesions.
    """
    ranked = lesions.sort_values(["score", "lesion_id"])
    if len(ranked) <= n:
        return ranked
    is_malignant = ranked["malignant"] == 1
    errors = [*ranked.index[is_malignant][: n // 3], *ranked.index[~is_malignant][::-1][: n // 3]]
    rest = ranked.index.difference(errors, sort=False)
    spread = rest[np.unique(np.linspace(0, len(rest) - 1, n - len(errors)).round().astype(int))]
    return ranked.loc[ranked.index.isin([*errors, *spread])]


def lesion_values(lesion: "pd.Series[Any]", windows: pd.DataFrame, location: Grid) -> dict[str, Any]:
    """The values of one lesion for the viewer.

    Args:
        lesion: FIELDS, lesion_id, image_id, exam_id, score, score_sd, without (score without context, or NaN) and
            with_others (score with maps of other images, or NaN).
        windows: row, col, side (network px) and score of its windows.
        location: [rows, cols] in [0, 1], mean of the windows' location indicator maps.
    """
    values = {name: str(lesion[name]) for name in FIELDS if name != "high_risk"}
    return {
        "id": lesion["lesion_id"],
        "image": lesion["image_id"],
        "exam": lesion["exam_id"],
        **values,
        "high_risk": "yes" if lesion["high_risk"] else "no",
        "score": round(float(lesion["score"]), 4),
        "sd": round(float(lesion["score_sd"]), 4),
        **{
            name: None if np.isnan(lesion[name]) else round(float(lesion[name]), 4)
            for name in ("without", "with_others")
        },
        "windows": np.round(windows[["col", "row", "side"]].to_numpy(), 1).tolist(),
        "scores": np.round(windows["score"].to_numpy(), 3).tolist(),
        "location": grid_bytes(location),
    }
