"""What a network scored last, as tables: lesions and windows by f_loc and f_agg, images by the context network."""

import numpy as np
import pandas as pd

from mammo.data.plans import Plan
from mammo.models.context_network import ContextNetwork
from mammo.models.patch_classifier import PatchClassifier
from mammo.records import Pathology
from mammo.store.manifest import Manifest

OF_IMAGE = ("exam_id", "patient_id", "laterality", "view", "vendor", "density", "split")
"""What a lesion's row tells of its image."""


def lesion_table(network: PatchClassifier, manifest: Manifest) -> pd.DataFrame:
    """The lesion score table, the lesions being those of this manifest (scoring.lesion_table tells its columns)."""
    assert network.scores is not None
    assert network.lesions is not None
    lesions = manifest.lesions.reset_index().iloc[network.lesions.numpy()]
    images = manifest.images.loc[lesions["image_id"]].reset_index(drop=True)
    own = ["lesion_id", "image_id", "label", "label_source", "high_risk", "finding"]
    table = lesions[own].reset_index(drop=True)
    boxes = lesions[["row0", "row1", "col0", "col1"]].to_numpy()
    sides = np.maximum(boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2])
    return table.assign(
        **{column: images[column] for column in OF_IMAGE},
        high_risk=table["high_risk"].astype(np.int64),
        malignant=(table["label"] == Pathology.MALIGNANT).astype(np.int64),
        size_px=sides * images["scale"] / manifest.frame.fineness,
        score=network.scores.score,
        score_sd=network.scores.sd,
        n_windows=network.scores.n_windows,
    )


def window_table(network: PatchClassifier, plan: Plan, manifest: Manifest) -> pd.DataFrame:
    """The window score table of the lesions that lesion_table tells of (scoring.window_table tells its columns).

    Args:
        network: after a test of the plan.
        plan: the lesions' windows.
        manifest: whose rows the plan counts.
    """
    assert network.scores is not None
    assert network.lesions is not None
    rows = network.lesions.numpy()[network.scores.lesion]
    scores = pd.DataFrame({"lesion": rows, "window": network.scores.window, "score": network.scores.window_score})
    places = pd.DataFrame(plan.windows[:, :3], columns=["row", "col", "side"])
    table = scores.merge(places.assign(lesion=plan.lesion, window=plan.repeat), on=["lesion", "window"])
    return table.assign(lesion_id=manifest.lesions.index[table["lesion"]]).drop(columns="lesion")


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
