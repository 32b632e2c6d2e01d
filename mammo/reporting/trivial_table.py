"""Trivial predictors beside the models: their AUC on the same test lesions, and the models that do not beat them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc, why_undefined
from mammo.scoring.model_comparison import Comparison, compare
from mammo.scoring.trivial_predictors import PREDICTORS

TRIVIAL_COLUMNS = ["predictor", "auc", "auc_low", "auc_high", "gain", "gain_low", "gain_high"]
"""gain: AUC of the model minus that of the predictor; both with 95 % patient-bootstrap intervals."""


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
    return pd.DataFrame(rows, columns=TRIVIAL_COLUMNS)


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
    known = f"{best}, AUC {auc(malignant, predictors[best]):.3f}"
    return [
        f"Not shown to be better than the best trivial predictor ({known}): {'; '.join(unbeaten)}. The differences of "
        "AUCs have 95 % intervals by the paired patient bootstrap."
    ]


def _gain(name: str, gain: Comparison) -> str:
    difference = gain.auc_difference
    bounds = (difference.value, difference.low, difference.high)
    value, low, high = (f"{number:+.3f}".replace("-", "\N{MINUS SIGN}") for number in bounds)
    return f"{name} ({value}; no interval)" if np.isnan(difference.low) else f"{name} ({value}; {low} to {high})"
