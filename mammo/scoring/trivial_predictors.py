"""Trivial predictors of malignancy, from the tables of a store alone, and the models that do not beat them.

Size of the outline, gray level inside, distance from the chest wall, and vendor. Each is fitted on training lesions
only: the numbers by mean, standard deviation and direction, the vendors by their share of malignant lesions.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit

from mammo.records import Floats, Pathology
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import Bools, auc, why_undefined
from mammo.scoring.model_comparison import Comparison, compare
from mammo.scoring.number_text import number_text, range_text, signed_text
from mammo.store.manifest import Manifest

NUMBERS = ("size", "gray", "position")
PREDICTORS: Mapping[str, str] = {
    "trivial_size": "size of the outline",
    "trivial_gray": "mean gray level inside the outline",
    "trivial_position": "distance from the chest wall",
    "trivial_vendor": "vendor",
}
"""Columns of a lesion score table that hold the score of each predictor, and what it is."""

TRIVIAL_COLUMNS: Mapping[str, str] = {
    "predictor": "what the trivial predictor knows of a lesion",
    "auc": "its AUC, in [0, 1]",
    "auc_low": "lower bound of its 95 % patient-bootstrap interval",
    "auc_high": "upper bound",
    "gain": "AUC of the model minus that of the predictor",
    "gain_low": "lower bound of its paired 95 % interval",
    "gain_high": "upper bound",
}
"""Columns of trivial_table: by name, what a value is."""


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


def known_predictors(lesions: pd.DataFrame) -> dict[str, Floats]:
    """By name, the scores [N] of the trivial predictors that are known for all lesions and differ between them.

    Args:
        lesions: N rows of a lesion score table, with numbers or text; it may lack the columns of predictors.
    """
    found = {}
    for column, name in PREDICTORS.items():
        if column in lesions:
            scores = pd.to_numeric(lesions[column], errors="coerce").to_numpy(np.float64)
            if not np.isnan(scores).any() and len(set(scores)) > 1:
                found[name] = scores
    return found


def trivial_table(score: Floats, lesions: pd.DataFrame) -> pd.DataFrame:
    """The trivial predictors on test lesions, compared with a model.

    Args:
        score: [N] in [0, 1], of the model.
        lesions: N rows of a lesion score table.

    Returns:
        Columns TRIVIAL_COLUMNS, a row for each predictor of known_predictors; empty if no AUC is defined.
    """
    malignant, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    rows = []
    for name, trivial in {} if why_undefined(malignant) else known_predictors(lesions).items():
        own, gain = auc_interval(malignant, trivial, patients), compare(malignant, score, trivial, patients)
        difference = gain.auc_difference
        rows.append((name, own.value, own.low, own.high, difference.value, difference.low, difference.high))
    return pd.DataFrame(rows, columns=list(TRIVIAL_COLUMNS))


def trivial_warnings(models: Mapping[str, Floats], lesions: pd.DataFrame) -> list[str]:
    """A sentence that names the models that do not beat the best trivial predictor; empty if all do.

    A model beats it if the 95 % interval of its gain, by the paired patient bootstrap, lies above 0. The best predictor
    is the one with the highest AUC on the same lesions.

    Args:
        models: name to scores [N] in [0, 1].
        lesions: N rows of a lesion score table.
    """
    malignant, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    predictors = known_predictors(lesions)
    if why_undefined(malignant) or not predictors:
        return []
    best = max(predictors, key=lambda name: auc(malignant, predictors[name]))
    gains = {name: compare(malignant, score, predictors[best], patients) for name, score in models.items()}
    unbeaten = [_gain(name, gain) for name, gain in gains.items() if not gain.auc_difference.low > 0]
    if not unbeaten:
        return []
    known = f"{best}, AUC {number_text(auc(malignant, predictors[best]))}"
    return [
        f"Not shown to be better than the best trivial predictor ({known}): {'; '.join(unbeaten)}. The differences of "
        "AUCs have 95 % intervals by the paired patient bootstrap."
    ]


def _gain(name: str, gain: Comparison) -> str:
    difference = gain.auc_difference
    shown = "no interval" if np.isnan(difference.low) else range_text((difference.low, difference.high), is_signed=True)
    return f"{name} ({signed_text(difference.value)}; {shown})".replace("-", "\N{MINUS SIGN}")
