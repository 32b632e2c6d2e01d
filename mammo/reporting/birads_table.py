"""Biopsies avoided and malignancies missed by BI-RADS assessment category."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mammo.records import Birads, Floats, Ints
from mammo.reporting.summary import ALLOWED_FNR
from mammo.scoring.thresholds import threshold_at_fnr

BIRADS_COLUMNS = ["birads", "n_benign", "avoided", "tnr", "n_malignant", "missed"]
"""avoided: benign lesions below the threshold; tnr: their share, NaN without benign lesions; missed: malignant ones."""

UNSTATED = "not stated"


def birads_table(
    categories: "pd.Series[str]", malignant: Ints, scores: Floats, thresholds: Mapping[float, float | Floats]
) -> pd.DataFrame:
    """Biopsies avoided and malignancies missed in each BI-RADS category, at the threshold of the report's summary.

    Args:
        categories: [N], category of each lesion (records.Birads), empty if unknown.
        malignant: [N] in {0, 1}.
        scores: [N].
        thresholds: by false negative rate, chosen on validation lesions, one or [N]; empty for one that is chosen on
            these lesions.

    Returns:
        Columns BIRADS_COLUMNS, one row for each category in its order, then one for lesions without a category; empty
        unless there are two categories.
    """
    if categories[categories != ""].nunique() < 2:
        return pd.DataFrame(columns=BIRADS_COLUMNS)
    threshold = thresholds.get(ALLOWED_FNR, threshold_at_fnr(malignant, scores, ALLOWED_FNR))
    below, shown = scores < threshold, categories.to_numpy()
    rows = []
    for category in [*Birads, ""]:
        inside = shown == category
        benign, positive = inside & (malignant == 0), inside & (malignant == 1)
        if inside.any():
            avoided = int(below[benign].sum())
            tnr = avoided / benign.sum() if benign.any() else np.nan
            rows.append(
                (str(category) or UNSTATED, benign.sum(), avoided, tnr, positive.sum(), int(below[positive].sum()))
            )
    return pd.DataFrame(rows, columns=BIRADS_COLUMNS)
