"""The report's results per finding, beside those per lesion view, which the paper has."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.reporting.chosen_thresholds import Validation, chosen_thresholds
from mammo.reporting.paper_tables import table2
from mammo.reporting.report_columns import FINDING_COLUMNS, FINDING_TNR_COLUMNS
from mammo.scoring.findings import Findings, per_finding
from mammo.scoring.intervals import auc_interval
from mammo.scoring.performance import performance


@dataclass(frozen=True, eq=False)
class FindingResults:
    """Results of findings, each scored by the mean over its views.

    Attributes:
        n: number of findings.
        n_malignant: number of malignant findings.
        aucs: columns FINDING_COLUMNS, a row for each model.
        tnrs: columns FINDING_TNR_COLUMNS of the main model, a row for each false negative rate of the paper.
    """

    n: int
    n_malignant: int
    aucs: pd.DataFrame
    tnrs: pd.DataFrame


def finding_results(
    models: Mapping[str, Floats], main: str, lesions: pd.DataFrame, validation: Validation
) -> FindingResults | None:
    """The results per finding; None where no finding has two views.

    Args:
        models: name to the seed-mean scores [N] of the lesion views.
        main: the name of the main one.
        lesions: N rows of a lesion score table.
        validation: of the main model; its findings choose thresholds.
    """
    findings = Findings.of(lesions)
    if not findings.are_joined:
        return None
    labels, patients = lesions["malignant"].to_numpy(np.int64), lesions["patient_id"].to_numpy(dtype=object)
    first = findings.first
    rows = []
    for name, score in models.items():
        found = (
            auc_interval(labels, score, patients),
            auc_interval(labels[first], findings.mean(score), patients[first]),
            findings.auc_gain(labels, score, patients),
        )
        rows.append((name, *(value for one in found for value in (one.value, one.low, one.high))))
    chosen_on = {fold: per_finding(table.assign(score=score)) for fold, (table, score) in validation.items()}
    scored = {fold: (table, table["score"].to_numpy(np.float64)) for fold, table in chosen_on.items()}
    thresholds = chosen_thresholds(scored, lesions["fold"].iloc[first])
    of_main = performance(labels[first], findings.mean(models[main]), patients[first], thresholds)
    tnrs = table2(of_main)[list(FINDING_TNR_COLUMNS)]
    return FindingResults(of_main.n, of_main.n_malignant, pd.DataFrame(rows, columns=list(FINDING_COLUMNS)), tnrs)
