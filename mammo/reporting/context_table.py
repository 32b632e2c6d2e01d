"""How well context networks tell images with a malignant or a benign lesion from those without, over seeds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mammo.records import MammoError
from mammo.reporting.paper_tables import auc_row
from mammo.scoring.score_tables import IMAGE_CLASSES

COLUMNS = ["label", "auc_mean", "auc_sd", "n_seeds", "auc_low", "auc_high", "n_images", "n_showing"]


def context_table(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """AUC over images of each class.

    Args:
        tables: the image score table of each seed (scoring.score_tables), of the same images.

    Returns:
        Columns COLUMNS, rows malignant and benign (none where there is no table): mean and standard deviation over the
        seeds, the 95 % patient-bootstrap interval of the seed-mean score, images in all and images that show one.

    Raises:
        MammoError: two tables are not of the same images.
    """
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    first = tables[0].set_index("image_id")
    others = [table.set_index("image_id") for table in tables[1:]]
    if any(set(other.index) != set(first.index) for other in others):
        raise MammoError("the context networks did not score the same images; test them on the same store and split")
    rows = []
    for label in IMAGE_CLASSES:
        scores = np.stack([table.loc[first.index, f"score_{label}"].to_numpy() for table in (first, *others)])
        row = auc_row(scores, first[label].to_numpy(), first["patient_id"].to_numpy(dtype=object))
        rows.append({"label": label, **row, "n_images": row["n_lesions"], "n_showing": row["n_malignant"]})
    return pd.DataFrame(rows)[COLUMNS]
