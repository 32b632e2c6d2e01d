"""Score tables of a run's own test and validation split.

After its test, f_loc and f_agg write lesions.parquet and windows.parquet; f_agg also lesions-val.parquet, on which
thresholds are chosen, and windows-val.parquet; the context network writes images.parquet.
"""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytorch_lightning as pl

from mammo.data.datamodule import MammoDataModule
from mammo.data.plans import Plan
from mammo.models.epoch_metrics import ScoredImages, ScoredLesions, WindowPredictions, score_lesions
from mammo.records import Pathology, Split
from mammo.scoring.number_text import number_text, range_text
from mammo.scoring.performance_json import test_values
from mammo.scoring.score_columns import IMAGE_CLASSES
from mammo.scoring.score_tables import (
    image_auc,
    write_image_table,
    write_lesion_table,
    write_window_table,
)
from mammo.scoring.trivial_predictors import PREDICTORS, lesion_facts, trivial_scores
from mammo.store.manifest import Manifest
from mammo.store.splits import NO_FOLD
from mammo.text import print_text

IMAGE_COLUMNS = ("source", "exam_id", "patient_id", "laterality", "view", "vendor", "density", "split")
"""Columns of a lesion's image that its row repeats."""

OWN_COLUMNS = (
    *("lesion_id", "image_id", "finding_id", "label", "label_source", "high_risk"),
    *("finding", "birads", "pathology_type"),
)
"""Columns that a lesion's row has in the store, too."""


def write_test_scores(network: pl.LightningModule, data: MammoDataModule, folder: Path, name: str) -> dict[str, Any]:
    """Write the score tables of the test split; print the AUCs over images.

    Args:
        network: after trainer.test; its attribute `scored` holds what it scored, lesions or images. Nothing is written
            for a network without it.
        data: the datamodule of that test.
        folder: the run folder.
        name: the run's name.

    Returns:
        What result.json has of lesions (performance_json.test_values); empty for a network that scores none.
    """
    scored = getattr(network, "scored", None)
    if isinstance(scored, ScoredLesions):
        return test_values(_write_lesions(scored, data, Split.TEST, folder, ""))
    if isinstance(scored, ScoredImages):
        table = image_table(scored, data.split_data(Split.TEST).manifest, data.fold)
        write_image_table(table, folder / "images.parquet")
        for label in IMAGE_CLASSES:
            auc = image_auc(table, label)
            interval = f"95 % interval {range_text((auc.low, auc.high))}"
            print_text(f"{name}: test images, {label} lesion or not: AUC {number_text(auc.value)} ({interval})")
    return {}


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


def _write_lesions(
    scored: ScoredLesions, data: MammoDataModule, split: Split, folder: Path, ending: str
) -> pd.DataFrame:
    """Write the lesion and window tables of a split, and return the former."""
    manifest = data.split_data(split).manifest
    trivial = trivial_scores(lesion_facts(data.split_data(Split.TRAIN).manifest), lesion_facts(manifest))
    table = lesion_table(scored, manifest, data.fold, trivial)
    write_lesion_table(table, folder / f"lesions{ending}.parquet")
    windows = window_table(scored, data.evaluation_plan(split), manifest)
    write_window_table(windows, folder / f"windows{ending}.parquet")
    return table


def lesion_table(
    scored: ScoredLesions, manifest: Manifest, fold: int | None, trivial: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The lesion score table of a run (columns: score_columns.LESION_COLUMNS).

    Args:
        scored: the lesions, by row of the manifest.
        manifest: of the lesions.
        fold: that the run tested; None without folds.
        trivial: trivial_predictors.trivial_scores of the manifest's lesions; None where the run's training lesions are
            unknown.
    """
    lesions = manifest.lesions.reset_index().iloc[scored.row.numpy()]
    images = manifest.images.loc[lesions["image_id"]].reset_index(drop=True)
    table = lesions[[*OWN_COLUMNS]].reset_index(drop=True)
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
    """The window score table of the lesions in lesion_table (columns: score_columns.WINDOW_COLUMNS).

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
    """The image score table of a run (columns: score_columns.IMAGE_COLUMNS), with the labels that it was tested by.

    Args:
        scored: the images, by row of the manifest.
        manifest: of the images.
        fold: that the run tested; None without folds.
    """
    images = manifest.images.iloc[scored.row.numpy()].reset_index()
    table = images[["image_id", "exam_id", "patient_id", "laterality", "view", "split"]]
    table = table.assign(fold=NO_FOLD if fold is None else fold)
    for column, label in enumerate((Pathology.MALIGNANT.value, Pathology.BENIGN.value)):
        table[label] = scored.target[:, column].numpy().astype(np.int64)
        table[f"score_{label}"] = scored.score[:, column].numpy()
    return table
