"""Scores of other models on the test lesions of a report: the user's own files, compared with the runs' main model."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import Floats, MammoError
from mammo.reporting.report_columns import OTHER_COLUMNS
from mammo.scoring.intervals import auc_interval
from mammo.scoring.model_comparison import compare
from mammo.scoring.score_file import COLUMNS, ScoreFile, match_lesions, read_scores


def read_other_scores(paths: Sequence[Path], lesions: pd.DataFrame) -> dict[str, Floats]:
    """The scores [N] in [0, 1] of other models, by the name of their file.

    Args:
        paths: lesion score files (scoring.score_file) of the N test lesions, in any order.
        lesions: N rows with lesion_id, patient_id and malignant.

    Raises:
        MammoError: as score_file.read_scores, a file has other lesions, labels or patients, or is given twice.
    """
    twice = next((path for path in paths if list(paths).count(path) > 1), None)
    if twice is not None:
        raise MammoError(f"--scores: {twice} is given twice: give each file once")
    ours = lesions[["lesion_id", "patient_id", "malignant"]].assign(score=0.0)[list(COLUMNS)]
    tested = ScoreFile("the test lesions of the runs", ours.set_axis(pd.RangeIndex(1, len(ours) + 1)))
    names = [path.name for path in paths]
    found = {}
    for path in paths:
        name = path.name if names.count(path.name) == 1 else str(path)
        _, matched = match_lesions([tested, read_scores(path)])
        found[name] = matched.table["score"].to_numpy(np.float64)
    return found


def other_models_table(score: Floats, others: Mapping[str, Floats], lesions: pd.DataFrame) -> pd.DataFrame:
    """The AUC of each other model, and the paired difference from the report's main model.

    Args:
        score: [N] in [0, 1], of the main model.
        others: name to scores [N] in [0, 1].
        lesions: N rows with malignant and patient_id.

    Returns:
        Columns OTHER_COLUMNS, one row for each of others; NaN where a value is undefined.
    """
    malignant, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    rows = []
    for name, other in others.items():
        own, found = auc_interval(malignant, other, patients), compare(malignant, score, other, patients)
        gain = found.auc_difference
        rows.append(
            (name, own.value, own.low, own.high, gain.value, gain.low, gain.high, found.p_bootstrap, found.p_delong)
        )
    return pd.DataFrame(rows, columns=list(OTHER_COLUMNS))
