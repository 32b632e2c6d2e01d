"""Table 3: test AUC for every combination of maps, over seeds, beside the paper's."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.paper import MAPS, TABLE_3
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc

COLUMNS = ["maps", "auc_mean", "auc_sd", "n_seeds", "auc_low", "auc_high", "n_lesions", "n_malignant", "paper_auc"]


def auc_row(
    scores: NDArray[np.float64], malignant: NDArray[np.int64], patients: NDArray[np.object_]
) -> dict[str, float | int]:
    """AUC of one model over its seeds.

    Args:
        scores: [S, N], a lesion score vector a seed.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        auc_mean and auc_sd over the seeds (divisor S - 1; NaN for one seed), n_seeds, the 95 % patient-bootstrap
        interval auc_low to auc_high of the AUC of the seed-mean score, n_lesions, n_malignant.
    """
    aucs = [auc(malignant, row) for row in scores]
    interval = auc_interval(malignant, scores.mean(axis=0), patients)
    return {
        "auc_mean": float(np.mean(aucs)),
        "auc_sd": float(np.std(aucs, ddof=1)) if len(aucs) > 1 else float("nan"),
        "n_seeds": len(aucs),
        "auc_low": interval.low,
        "auc_high": interval.high,
        "n_lesions": malignant.size,
        "n_malignant": int(malignant.sum()),
    }


def table3(
    scores: Mapping[str, NDArray[np.float64]], malignant: NDArray[np.int64], patients: NDArray[np.object_]
) -> pd.DataFrame:
    """Table 3 from the scores of the combinations that have runs.

    Args:
        scores: maps joined by + to [S, N], a lesion score vector a seed; combinations may differ in S.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        Columns COLUMNS, rows in the paper's order; a combination without a run has no row.
    """
    rows = [
        {"maps": maps, **auc_row(scores[maps], malignant, patients), "paper_auc": TABLE_3[maps][0]}
        for maps in MAPS
        if maps in scores
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
