"""Trivial predictors of malignancy, from the tables of a store alone: what a model has to beat.

Size of the outline, gray level inside, distance from the chest wall, and vendor. Each is fitted on training lesions
only: the numbers by mean, standard deviation and direction, the vendors by their share of malignant lesions.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit

from mammo.records import Floats, Pathology
from mammo.scoring.metrics import Bools, auc, why_undefined
from mammo.store.manifest import Manifest

NUMBERS = ("size", "gray", "position")
PREDICTORS: Mapping[str, str] = {
    "trivial_size": "size of the outline",
    "trivial_gray": "mean gray level inside the outline",
    "trivial_position": "distance from the chest wall",
    "trivial_vendor": "vendor",
}
"""Columns of a lesion score table that hold the score of each predictor, and what it is."""


def lesion_facts(manifest: Manifest) -> pd.DataFrame:
    """What the trivial predictors know of each lesion.

    Returns:
        Indexed by lesion_id, in the manifest's order: label; size, the logarithm of the outline's area in px of the
        paper's frame; gray, the mean inside, 0 to 4095; position, distance of the outline's center from the chest wall
        as a share of the breast box's width; vendor, empty if unknown.
    """
    lesions = manifest.lesions
    images = manifest.images.loc[lesions["image_id"]]
    inside = np.array([manifest.outline(lesion_id)[0].sum() for lesion_id in lesions.index], dtype=np.float64)
    center = (lesions["col0"].to_numpy() + lesions["col1"].to_numpy()) / 2
    col = np.where(images["mirrored"], images["stored_width"] - center, center)
    width = (images["breast_col1"] - images["breast_col0"]).to_numpy()
    scale = images["scale"].to_numpy() / manifest.frame.fineness
    return pd.DataFrame(
        {
            "label": lesions["label"],
            "size": np.log(np.maximum(inside, 1)) + 2 * np.log(scale),
            "gray": lesions["gray"],
            "position": (col - images["breast_col0"].to_numpy()) / width,
            "vendor": images["vendor"].to_numpy(),
        },
        index=lesions.index,
    )


def trivial_scores(training: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """The score of each predictor for lesions, from training lesions only.

    A number is standardized, turned so that malignant training lesions score higher, and put through the logistic
    function; this keeps the order, and the scores of several folds can be pooled. A vendor's score is .5, plus half of
    what the share of malignant lesions among its training lesions is above that among all of them; .5 for an unknown
    vendor.

    Args:
        training: lesion_facts of the training lesions; those that are neither malignant nor benign do not count.
        lesions: lesion_facts of the lesions to score.

    Returns:
        Columns PREDICTORS, indexed as lesions, in [0, 1]; .5 for all lesions where the training lesions show nothing.
    """
    labeled = training[training["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])]
    malignant = (labeled["label"] == Pathology.MALIGNANT).to_numpy()
    columns = {
        f"trivial_{name}": _number_scores(labeled[name].to_numpy(), malignant, lesions[name].to_numpy())
        for name in NUMBERS
    }
    overall = float(malignant.mean()) if malignant.size else 0.5
    rates = pd.Series(malignant, index=labeled["vendor"]).groupby(level=0).mean().drop("", errors="ignore")
    columns["trivial_vendor"] = 0.5 + (lesions["vendor"].map(rates).fillna(overall).to_numpy(float) - overall) / 2
    return pd.DataFrame(columns, index=lesions.index)


def _number_scores(training: Floats, malignant: Bools, values: Floats) -> Floats:
    """Scores [N] in [0, 1] of values [N], by the standardized training values [M] in the direction of malignancy."""
    spread = training.std() if training.size else 0.0
    if why_undefined(malignant) or spread == 0:
        return np.full(len(values), 0.5)
    direction = 1.0 if auc(malignant, training) >= 0.5 else -1.0
    return np.asarray(expit(direction * (values - training.mean()) / spread), dtype=np.float64)
