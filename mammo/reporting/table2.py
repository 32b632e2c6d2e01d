"""Table 2: the true negative rate (biopsies avoided) at given false negative rates (malignancies missed)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.reporting.paper import TABLE_2
from mammo.scoring.intervals import tnr_interval
from mammo.scoring.thresholds import allowed_misses

COLUMNS = ["fnr", "misses_allowed", "tnr", "tnr_low", "tnr_high", "paper_tnr", "paper_low", "paper_high"]


def table2(malignant: NDArray[np.int64], score: NDArray[np.float64], patients: NDArray[np.object_]) -> pd.DataFrame:
    """Our Table 2 beside the paper's.

    Args:
        malignant: [N] in {0, 1}.
        score: [N], the seed-mean lesion score of sal+emb.
        patients: [N].

    Returns:
        Columns COLUMNS, a row for each false negative rate of the paper; our interval is the 95 % patient bootstrap.
    """
    rows = []
    for point in TABLE_2:
        ours = tnr_interval(malignant, score, patients, point.fnr)
        misses = allowed_misses(int(malignant.sum()), point.fnr)
        rows.append((point.fnr, misses, ours.value, ours.low, ours.high, point.tnr, point.low, point.high))
    return pd.DataFrame(rows, columns=COLUMNS)
