"""The report's gallery: lesions chosen from the runs, with their windows, images, outlines and maps, ready for JSON.

No value names a patient. Coordinates are (x, y) = (column, row) in the network frame, as browsers use them.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from contourpy import contour_generator
from numpy.typing import NDArray

from mammo.data.dataset import ImageMapSource
from mammo.geometry import Box, Frame
from mammo.maps.stack import location_map
from mammo.paper import LOCAL
from mammo.progress import track
from mammo.records import FULL_SCALE, Pixels
from mammo.reporting.evaluation import Evaluation
from mammo.reporting.reported_runs import PooledRun, pooled_runs
from mammo.reporting.shared_lesions import share_lesions
from mammo.scoring.score_tables import size_group
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.splits import NO_FOLD
from mammo.training.results import Run
from mammo.training.saliency_source import saliency_cache

IMAGE_BYTES = 100_000
"""Largest size of one image, so that a page with N_LESIONS images in base64 stays below 25 MB."""

MAX_HEIGHT = 920
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

Grid = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GalleryImage:
    """One image of the gallery.

    Attributes:
        pixels: uint16 [H, W], network frame, 0 to FULL_SCALE.
        saliency: [2, rows, cols] in [0, 1], malignant then benign; None for models without saliency maps.
        outlines: lesion id, label, mask [box.height, box.width] and box (network frame) of every lesion on the image.
    """

    pixels: Pixels
    saliency: Grid | None
    outlines: Sequence[tuple[str, str, NDArray[np.bool_], Box]]


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
        lesion: FIELDS, lesion_id, image_id, exam_id, score, score_sd and without (score without context, or NaN).
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
        "without": None if np.isnan(lesion["without"]) else round(float(lesion["without"]), 4),
        "windows": np.round(windows[["col", "row", "side"]].to_numpy(), 1).tolist(),
        "scores": np.round(windows["score"].to_numpy(), 3).tolist(),
        "location": _grid(location),
    }


def image_values(image: GalleryImage) -> dict[str, Any]:
    """The values of one image for the viewer: a JPEG, outlines as polygons, maps as bytes."""
    outlines = [
        {"lesion": lesion, "label": label, "rings": _rings(mask, box)} for lesion, label, mask, box in image.outlines
    ]
    values: dict[str, Any] = {"src": jpeg(image.pixels), "outlines": outlines, "malignant": None, "benign": None}
    if image.saliency is not None:
        values |= {"malignant": _grid(image.saliency[0]), "benign": _grid(image.saliency[1])}
    return values


def frame_values(frame: Frame) -> dict[str, int]:
    """The frame's size (network px) and grid for the viewer."""
    rows, cols = frame.grid
    return {"height": frame.height, "width": frame.width, "rows": rows, "cols": cols}


def jpeg(pixels: Pixels) -> str:
    """The data URI of a JPEG of at most IMAGE_BYTES, from pixels uint16 [H, W], 0 to FULL_SCALE."""
    height, width = pixels.shape
    gray = pixels.astype(np.float32) * (255 / FULL_SCALE)
    size = (round(width * MAX_HEIGHT / height), MAX_HEIGHT) if height > MAX_HEIGHT else (width, height)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA).round().astype(np.uint8)
    for quality in (88, 75, 60, 45, 30, 15, 5):
        content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(content) <= IMAGE_BYTES:
            break
    return "data:image/jpeg;base64," + b64encode(content).decode()


def _rings(mask: NDArray[np.bool_], box: Box) -> list[list[list[float]]]:
    """The contours of a mask as closed rings of (x, y), network px."""
    lines = contour_generator(z=np.pad(mask, 1).astype(np.float64)).lines(0.5)
    rings = [cv2.approxPolyDP(np.asarray(line, dtype=np.float32), 0.4, closed=True)[:, 0] for line in lines]
    start = np.array([box.col0, box.row0]) - 0.5  # the center of pixel c of the padded mask is at c - 1 + 0.5
    return [np.round(ring + start, 1).tolist() for ring in rings]


def _grid(values: Grid) -> str:
    """Values [rows, cols] in [0, 1] as bytes, row by row, in base64."""
    return b64encode(np.round(values * 255).astype(np.uint8).tobytes()).decode()
