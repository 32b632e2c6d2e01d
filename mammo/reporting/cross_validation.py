"""Cross-validation in a report: the AUC of every fold beside that of the pooled scores, and warnings about folds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.reporting.pooled_runs import PooledRun
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc, why_undefined
from mammo.store.splits import NO_FOLD

FOLD_COLUMNS = ["model", "auc_pooled", "auc_low", "auc_high", "auc_fold_mean", "auc_fold_sd"]
"""auc_pooled: of the scores of all folds together, with its patient-bootstrap interval; auc_fold_mean, auc_fold_sd:
mean and standard deviation (divisor n - 1) of the folds' own AUCs. A column fold_<number> for each fold follows."""


def fold_table(scores: Mapping[str, Floats], lesions: pd.DataFrame) -> pd.DataFrame:
    """The AUC of each model on each fold, their mean, and the AUC of the pooled scores.

    Args:
        scores: model to its seed-mean lesion scores [N] in [0, 1].
        lesions: N rows with malignant, patient_id and fold.

    Returns:
        Columns FOLD_COLUMNS and fold_<number>, a row for each model; empty without folds. The AUC of a fold with one
        class only is NaN, and the mean leaves it out.
    """
    folds = sorted(set(lesions["fold"]) - {NO_FOLD})
    if not folds:
        return pd.DataFrame(columns=FOLD_COLUMNS)
    malignant, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    rows = []
    for model, score in scores.items():
        pooled = auc_interval(malignant, score, patients)
        own = [auc(malignant[inside], score[inside]) for inside in (lesions["fold"].to_numpy() == k for k in folds)]
        known = np.array([value for value in own if not np.isnan(value)])
        mean = float(known.mean()) if known.size else np.nan
        sd = float(known.std(ddof=1)) if known.size > 1 else np.nan
        rows.append([model, pooled.value, pooled.low, pooled.high, mean, sd, *own])
    return pd.DataFrame(rows, columns=[*FOLD_COLUMNS, *(f"fold_{fold}" for fold in folds)])


def fold_numbers(table: pd.DataFrame) -> list[int]:
    """The folds of a fold_table."""
    prefix = "fold_"
    return [int(name.removeprefix(prefix)) for name in table.columns if name.startswith(prefix)]


def fold_warnings(pools: Sequence[PooledRun], lesions: pd.DataFrame) -> list[str]:
    """Sentences about folds that were not trained, and about folds whose AUC is undefined; empty if there are none.

    Args:
        pools: all runs, with all of their folds.
        lesions: the pooled test lesions, with malignant and fold.
    """
    n_folds = max(run.n_folds for pool in pools for run in pool.runs)
    lacking: dict[int, list[str]] = {}
    for pool in pools:
        for fold in set(range(n_folds)) - set(pool.folds):
            lacking.setdefault(fold, []).append(f"{pool.first.model} {pool.first.cell}, seed {pool.first.seed}")
    sentences = [
        f"Fold {fold} of {n_folds} is missing, and its lesions are left out, because these have no finished run of it: "
        f"{'; '.join(lacking[fold])}. Train them with fold={fold}."
        for fold in sorted(lacking)
    ]
    for fold in sorted(set(lesions["fold"]) - {NO_FOLD}):
        if reason := why_undefined(lesions["malignant"][lesions["fold"] == fold]):
            sentences.append(
                f"Fold {fold} has {reason} among its test lesions: its AUC is undefined, and the mean over folds "
                "leaves it out."
            )
    return sentences
