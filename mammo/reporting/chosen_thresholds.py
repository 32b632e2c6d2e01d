"""Thresholds chosen on the validation lesions of a report's main model; with folds, each fold chooses its own."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.scoring.thresholds import FNRS, threshold_at_fnr

Validation = Mapping[int | None, tuple[pd.DataFrame, Floats]]
"""By fold (None without folds), the validation lesions and their seed-mean score; empty if a run has none."""


def chosen_thresholds(validation: Validation, fold_of: "pd.Series[int]") -> dict[float, float | Floats]:
    """False negative rate to its threshold on the validation lesions, with folds that of each test lesion's fold.

    Empty if a fold has no malignant validation lesion.
    """
    if not validation or not all(lesions["malignant"].any() for lesions, _ in validation.values()):
        return {}
    chosen = {
        fold: {fnr: threshold_at_fnr(lesions["malignant"], score, fnr) for fnr in FNRS}
        for fold, (lesions, score) in validation.items()
    }
    if None in chosen:
        return {**chosen[None]}
    return {fnr: np.array([chosen[fold][fnr] for fold in fold_of]) for fnr in FNRS}
