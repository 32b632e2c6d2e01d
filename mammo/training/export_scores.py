"""The tables a run ends with: what its best checkpoint says of the test split, and of validation for thresholds.

f_loc and f_agg write lesions.parquet and the windows.parquet behind it; f_agg also lesions-val.parquet, on which its
thresholds are picked, and windows-val.parquet; the context network writes images.parquet.
"""

from pathlib import Path

import pytorch_lightning as pl

from mammo.data.datamodule import MammoDataModule
from mammo.models.context_network import ContextNetwork
from mammo.models.fagg import FAgg
from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Split
from mammo.scoring.image_table import CLASSES, image_auc, write_image_table
from mammo.scoring.score_tables import write_lesion_table
from mammo.scoring.window_table import write_window_table
from mammo.training.score_tables_ import image_table, lesion_table, window_table


def write_test_scores(network: pl.LightningModule, data: MammoDataModule, folder: Path, name: str) -> None:
    """The tables of the test split, after it was tested; the AUCs of a context network are told.

    Args:
        network: as it is after trainer.test.
        data: what it was tested on.
        folder: of the run.
        name: of the run.
    """
    if isinstance(network, PatchClassifier):
        _write_lesions(network, data, Split.TEST, folder, "")
    elif isinstance(network, ContextNetwork):
        table = image_table(network, data.split(Split.TEST)[0])
        write_image_table(table, folder / "images.parquet")
        for label in CLASSES:
            auc = image_auc(table, label)
            told = f"{auc.value:.3f} (95 % interval {auc.low:.3f} to {auc.high:.3f})"
            print(f"{name}: test images, {label} lesion or not: AUC {told}", flush=True)


def write_validation_scores(
    network: pl.LightningModule, data: MammoDataModule, folder: Path, trainer: pl.Trainer
) -> None:
    """The lesion and window tables of the validation split by an f_agg as it was tested; nothing for other networks.

    It is made by predicting: validating would log a second time, and with other weights where they are averaged.
    """
    if isinstance(network, FAgg):
        trainer.predict(network, data.val_dataloader(), return_predictions=False)
        network.collect_scores()
        if trainer.is_global_zero:
            _write_lesions(network, data, Split.VAL, folder, "-val")


def _write_lesions(network: PatchClassifier, data: MammoDataModule, split: Split, folder: Path, ending: str) -> None:
    manifest = data.split(split)[0]
    write_lesion_table(lesion_table(network, manifest), folder / f"lesions{ending}.parquet")
    windows = window_table(network, data.evaluation_plan(split), manifest)
    write_window_table(windows, folder / f"windows{ending}.parquet")
