"""What a network scored last, as a table: lesions by f_loc and f_agg, images by the context network."""

import numpy as np
import pandas as pd

from mammo.models.context import ContextNetwork
from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Pathology
from mammo.store.manifest import Manifest


def lesion_table(network: PatchClassifier, manifest: Manifest) -> pd.DataFrame:
    """The lesion score table, the lesions being those of this manifest (scoring.lesion_table tells its columns)."""
    assert network.scores is not None
    assert network.lesions is not None
    lesions = manifest.lesions.reset_index().iloc[network.lesions.numpy()]
    images = manifest.images.loc[lesions["image_id"]].reset_index(drop=True)
    table = lesions[["lesion_id", "image_id", "label", "label_source", "finding"]].reset_index(drop=True)
    return table.assign(
        exam_id=images["exam_id"],
        patient_id=images["patient_id"],
        view=images["view"],
        split=images["split"],
        malignant=(table["label"] == "malignant").astype(np.int64),
        score=network.scores.score,
        score_sd=network.scores.sd,
        n_windows=network.scores.n_windows,
    )


def image_table(network: ContextNetwork, manifest: Manifest) -> pd.DataFrame:
    """The image score table, the images being those of this manifest (scoring.image_table tells its columns)."""
    assert network.scores is not None
    assert network.image_rows is not None
    images = manifest.images.iloc[network.image_rows].reset_index()
    table = images[["image_id", "exam_id", "patient_id", "laterality", "view", "split"]].copy()
    for column, label in enumerate((Pathology.MALIGNANT.value, Pathology.BENIGN.value)):
        showing = set(manifest.lesions["image_id"][manifest.lesions["label"] == label])
        table[label] = table["image_id"].isin(showing).astype(np.int64)
        table[f"score_{label}"] = network.scores[:, column]
    return table
