"""Table 2: the true negative rate (biopsies avoided) at given false negative rates (malignancies missed)."""

import pandas as pd

from mammo.paper import TABLE_2
from mammo.scoring.performance import Performance
from mammo.scoring.thresholds import allowed_misses

COLUMNS = [
    "fnr",
    "misses_allowed",
    "tnr",
    "tnr_low",
    "tnr_high",
    "transferred_tnr",
    "transferred_tnr_low",
    "transferred_tnr_high",
    "transferred_fnr",
    "paper_tnr",
    "paper_low",
    "paper_high",
]
"""tnr: threshold picked on these lesions; transferred_*: on validation lesions, NaN where there are none."""


def table2(performance: Performance) -> pd.DataFrame:
    """Our Table 2 beside the paper's.

    Args:
        performance: of the seed-mean lesion score.

    Returns:
        Columns COLUMNS, a row for each false negative rate of the paper; our intervals are 95 % patient bootstraps.
    """
    rows = []
    for paper in TABLE_2:
        ours, other = performance.picked_here[paper.fnr].tnr, performance.transferred.get(paper.fnr)
        nothing = float("nan")
        transferred = (other.tnr.value, other.tnr.low, other.tnr.high, other.fnr.value) if other else (nothing,) * 4
        misses = allowed_misses(performance.n_malignant, paper.fnr)
        picked = (ours.value, ours.low, ours.high)
        rows.append((paper.fnr, misses, *picked, *transferred, paper.tnr, paper.low, paper.high))
    return pd.DataFrame(rows, columns=COLUMNS)
