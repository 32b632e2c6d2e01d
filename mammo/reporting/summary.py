"""The report's summary: the result, and biopsies avoided and cancers missed, overall and by BI-RADS category."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mammo.paper import BEST, TABLE_3
from mammo.records import Birads, Floats, Ints
from mammo.reporting.report_columns import BIRADS_COLUMNS
from mammo.scoring.number_text import number_text, range_text
from mammo.scoring.performance import Performance
from mammo.scoring.thresholds import threshold_at_fnr
from mammo.text import percent

ALLOWED_FNR = 0.02
"""The false negative rate that the paper's abstract and discussion use."""

UNSTATED = "not stated"


def result_sentence(
    performance: Performance, maps: str, data: str, n_seeds: int, seeds_of: str, n_folds: int = 0
) -> str:
    """The result in one sentence.

    Args:
        performance: of the seed-mean score.
        maps: the combination of maps, joined by +.
        data: name of the data set, empty if unknown.
        n_seeds: seeds that the score is a mean over.
        seeds_of: the networks that these seeds vary, as in "f_loc and f_agg".
        n_folds: folds whose test lesions are pooled; 0 without folds.
    """
    kind = {"phantom": "synthetic test lesions"}.get(data, "test lesions")
    cohort = f"{performance.n} {kind} ({performance.n_malignant} malignant) of {performance.n_patients} patients"
    cohort += f" in {n_folds} folds" if n_folds else ""
    if performance.undefined:
        return f"No metric is defined on these {cohort}: {performance.undefined}."
    auc = performance.auc
    value, bounds = number_text(auc.value), range_text((auc.low, auc.high))
    score = maps if n_seeds == 1 else f"{maps} (mean score of {n_seeds} seeds of {seeds_of})"
    return (
        f"On {cohort}, {score} separates malignant from benign lesions with an AUC of {value} (95 % interval "
        f"{bounds}). The paper reports {TABLE_3[BEST][0]:.3f} for {BEST} on real lesions."
    )


def seed_mean_sentence(performance: Performance, model: str, row: Mapping[str, Any] | None) -> str:
    """Why the AUC of the seed-mean score is not the mean of the seeds' AUCs; empty where there is one seed.

    Args:
        performance: of the seed-mean score.
        model: the main model's name.
        row: its AUCs over the seeds (paper_tables.auc_row); None if unknown.
    """
    if performance.undefined or row is None or row["n_seeds"] < 2:
        return ""
    auc, mean = performance.auc.value, float(row["auc_mean"])
    relation = "above" if auc > mean else "below" if auc < mean else "equal to"
    return (
        f"A lesion's score in this report is the mean of its scores by {row['n_seeds']} trainings (seeds). For {model} "
        f"the AUC of that mean score is {number_text(auc)}: the summary, the intervals, the differences, Table 2 and "
        "the curves are of it. Each training alone has an AUC of its own, and the mean of these is "
        f"{number_text(mean)}: the column “AUC, mean”. The first is {relation} the second here. Averaging cancels part "
        "of the error that each training makes by itself, so the mean score usually ranks the lesions better than one "
        "training does. Quote the mean of the AUCs for what one training gives, and the AUC of the mean score for all "
        "of them used together."
    )


def tradeoff_sentence(performance: Performance) -> str:
    """Biopsies avoided and cancers missed at the threshold for ALLOWED_FNR; empty if no metric is defined."""
    if performance.undefined:
        return ""
    point = performance.transferred.get(ALLOWED_FNR)
    threshold = f"At the threshold that misses at most {_percent(ALLOWED_FNR, 0)} of the malignant "
    threshold += "validation lesions" if point else "test lesions (chosen on these lesions, so optimistic)"
    point = point or performance.chosen_here[ALLOWED_FNR]
    n_benign = performance.n - performance.n_malignant
    avoided, missed = round(point.tnr.value * n_benign), round(point.fnr.value * performance.n_malignant)
    share = _percent(point.fnr.value) + (", more than on validation" if point.fnr.value > ALLOWED_FNR else "")
    ratio = f"{avoided / missed:.1f} biopsies avoided per cancer missed" if missed else "no cancer is missed"
    return (
        f"{threshold}, {avoided} of {n_benign} benign biopsies would be avoided ({_percent(point.tnr.value)}) and "
        f"{missed} of {performance.n_malignant} cancers missed ({share}): {ratio}."
    )


def _percent(share: float, digits: int = 1) -> str:
    return percent(share, digits).replace(" ", "\N{NO-BREAK SPACE}")


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
        return pd.DataFrame(columns=list(BIRADS_COLUMNS))
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
    return pd.DataFrame(rows, columns=list(BIRADS_COLUMNS))
