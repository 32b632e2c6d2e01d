"""The scores of a store's lesions, labeled or not: in memory, and as tables of predictions in CSV and JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammo.data.dataset import Reader
from mammo.data.plans import Plan
from mammo.inference.ensemble import Ensemble
from mammo.inference.missing_images import lesions_without
from mammo.inference.result_files import CSV, JSON
from mammo.io import atomic_write
from mammo.maps.view_sources import Kind
from mammo.records import MammoError, Pathology, Split
from mammo.scoring.score_tables import csv_text
from mammo.store.manifest import Manifest
from mammo.store.pseudonyms import OwnId
from mammo.store.splits import of_fold
from mammo.training.export_scores import lesion_table
from mammo.training.results import Run

PREDICTION_COLUMNS = (
    *("lesion_id", "image_id", "finding_id", "patient_id", "laterality", "view", "label", "label_source"),
    *("score", "score_sd", "n_windows"),
)
"""Columns of predictions.csv, as in a lesion score table; label and label_source are empty where there is no label."""


@dataclass(frozen=True, eq=False)
class StoreScores:
    """The scores of lesions by one run, with what is needed to draw them.

    Attributes:
        ensemble: the networks.
        table: of every lesion, in the order of the store; columns as score_columns.LESION_COLUMNS, label none for a
            lesion of neither class, split as the run saw it.
        is_own: whether the run was trained on this very store.
        manifest: the images and lesions that the plan counts.
        plan: every lesion's windows.
        reader: the pixels of the plan's images.
        without: number of lesions that were scored without each of the other images that the networks read.
    """

    ensemble: Ensemble
    table: pd.DataFrame
    is_own: bool
    manifest: Manifest
    plan: Plan
    reader: Reader
    without: Mapping[Kind, int]

    @property
    def evaluated(self) -> pd.DataFrame:
        """The rows that the run can be evaluated on: labeled, and of its own store those of the test split only."""
        labeled = self.table[is_labeled(self.table)]
        return labeled[labeled["split"] == Split.TEST] if self.is_own else labeled

    def windows(self, lesion_id: str) -> Plan | None:
        """The plan's rows of one lesion; None if the lesion was not scored by this run."""
        if lesion_id not in self.manifest.lesions.index:
            return None
        return self.plan.take(np.flatnonzero(self.plan.lesion == self.manifest.lesions.index.get_loc(lesion_id)))


def score_store(ensemble: Ensemble, store: Path, n_windows: int, fold: int | None = None) -> StoreScores:
    """Score every lesion of the store or of one of its folds, with or without a label.

    Args:
        ensemble: the networks.
        store: an image store of the same frame, split or not.
        n_windows: windows per lesion (the paper: 100).
        fold: score only the lesions of this fold; None for all.

    Raises:
        MammoError: the frames differ, or there is no lesion.
    """
    data = ensemble.datamodules(store, n_windows, fold)
    part, run = data[0].split_data(None), ensemble.run
    if len(part.manifest.lesions) == 0:
        raise MammoError(f"{store} has no outlined lesion to score: ingest images with a table of lesions")
    image_ids = list(dict.fromkeys(part.manifest.lesions["image_id"]))
    scored = ensemble.score(data, ensemble.saliency(store, part.manifest, image_ids)).mean
    is_own = run.store == Manifest.current(store).digest()
    seen = of_fold(part.manifest, run.fold) if is_own and fold is None else part.manifest
    table = lesion_table(scored, seen, run.fold)
    without = lesions_without(data[0], part.manifest.lesions["image_id"])
    return StoreScores(ensemble, table, is_own, part.manifest, data[0].evaluation_plan(None), part.reader, without)


def known_images(ensemble: Ensemble, manifest: Manifest) -> list[str]:
    """Ids of the images of another store that a model was trained or selected on, by the bytes of their source files.

    Args:
        ensemble: the model.
        manifest: of the other store.

    Returns:
        An empty list also where the store that a run was trained on is gone, or is of another format.
    """
    trained = ensemble.training_images
    if trained is None:
        return []
    return [str(image_id) for image_id, sha256 in manifest.images["sha256"].items() if trained.knows(str(sha256))]


def scale_warning(run: Run, manifest: Manifest) -> str:
    """A sentence where the images of another store were brought to another scale than those that a run was trained on.

    Args:
        run: a run that scores.
        manifest: of the other store.

    Returns:
        Empty where the scales are equal, or that of the training images is not known.
    """
    others = sorted({str(source.scale) for source in manifest.sources} - {str(run.scale)})
    if run.scale is None or not others:
        return ""
    wanted = "auto" if isinstance(run.scale, str) else f"{run.scale:g}"
    return (
        f"The images were ingested with data.scale={', '.join(others)}, those that the networks were trained on with "
        f"data.scale={run.scale}: lesions have other sizes, and scores differ from those of mammo predict. Ingest with "
        f"data.scale={wanted}."
    )


def is_labeled(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each row of a lesion score table has a label, malignant or benign."""
    return table["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])


def predictions(table: pd.DataFrame, own: Mapping[str, OwnId] | None = None) -> pd.DataFrame:
    """The table of predictions: PREDICTION_COLUMNS, and with own ids source, source_path and source_id.

    Args:
        table: as StoreScores.table.
        own: the user's own names by pseudonym; None to leave them out.
    """
    found = table[list(PREDICTION_COLUMNS)].reset_index(drop=True)
    found.loc[~is_labeled(found), ["label", "label_source"]] = ""
    if own is None:
        return found
    known = [own.get(key, OwnId("", "", "")) for key in found["lesion_id"]]
    return found.assign(
        source=[one.source for one in known],
        source_path=[one.path for one in known],
        source_id=[one.id for one in known],
    )


def write_predictions(runs: Sequence[Run], table: pd.DataFrame, out: Path) -> None:
    """Write predictions.csv and predictions.json; with the user's own ids only their owner can read them.

    Args:
        runs: that gave the scores; with folds, each those of its fold.
        table: as `predictions`.
        out: the folder, which exists.
    """
    mode = 0o600 if "source_path" in table else 0o644
    names = (out / CSV, out / JSON)
    with atomic_write(names[0], mode=mode) as csv, atomic_write(names[1], mode=mode) as text:
        csv.write_text(csv_text(table), encoding="utf-8")
        text.write_text(json.dumps(_as_json(runs, table), indent=1) + "\n", encoding="utf-8")


def _as_json(runs: Sequence[Run], table: pd.DataFrame) -> dict[str, Any]:
    facts = [
        {"name": run.name, "digest": run.digest, "model": run.model, "maps": run.maps, "trained_on": run.data}
        for run in runs
    ]
    cases = [_case(str(image), rows.to_dict("records")) for image, rows in table.groupby("image_id", sort=False)]
    return {"runs": facts, "cases": cases}


def _case(image: str, rows: Sequence[Mapping[Any, Any]]) -> dict[str, Any]:
    """One image with its lesions; an unknown value is null."""
    of_image = [name for name in ("laterality", "view", "source", "source_path") if name in rows[0]]
    left = ("image_id", "patient_id", *of_image)
    lesions = [{str(name): _known(value) for name, value in row.items() if name not in left} for row in rows]
    return {"image": image, **{name: _known(rows[0][name]) for name in of_image}, "lesions": lesions}


def _known(value: object) -> object:
    return None if value == "" else value
