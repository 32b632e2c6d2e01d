"""Figure 6: test AUC of f_loc alone, by backbone and by what it starts from, as numbers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.paper import FIGURE_6
from mammo.reporting.paper_tables import auc_row

COLUMNS = ["backbone", "init", "auc_mean", "auc_sd", "n_seeds", "auc_low", "auc_high", "n_lesions", "n_malignant"]


def figure6(
    scores: Mapping[tuple[str, str], NDArray[np.float64]],
    malignant: NDArray[np.int64],
    patients: NDArray[np.object_],
) -> pd.DataFrame:
    """The bars of Figure 6.

    Args:
        scores: (backbone, init) to [S, N], a lesion score vector a seed.
        malignant: [N] in {0, 1}.
        patients: [N].

    Returns:
        Columns COLUMNS and paper_auc, paper_spread (NaN where the paper prints no number); by backbone, He before
        ImageNet.
    """
    rows = []
    for backbone, init in sorted(scores):
        printed, spread = FIGURE_6.get((backbone, init), (float("nan"), float("nan")))
        row = auc_row(scores[backbone, init], malignant, patients)
        rows.append({"backbone": backbone, "init": init, **row, "paper_auc": printed, "paper_spread": spread})
    return pd.DataFrame(rows, columns=[*COLUMNS, "paper_auc", "paper_spread"])
