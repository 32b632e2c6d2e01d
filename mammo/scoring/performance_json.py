"""Performance as an object for JSON; an undefined value is None."""

from typing import Any

import pandas as pd

from mammo.records import Pathology
from mammo.scoring.findings import Findings
from mammo.scoring.intervals import Interval
from mammo.scoring.number_text import json_number
from mammo.scoring.performance import OperatingPoint, Performance, performance

Json = dict[str, Any]


def bounds(interval: Interval) -> list[float] | None:
    """Low and high of an interval; None if one of them is undefined."""
    low, high = json_number(interval.low), json_number(interval.high)
    return None if low is None or high is None else [low, high]


def operating_point(point: OperatingPoint, chosen_on: str) -> Json:
    """An operating point, and the name of what its threshold was chosen on."""
    return {
        "tnr": json_number(point.tnr.value),
        "tnr_ci": bounds(point.tnr),
        "fnr": json_number(point.fnr.value),
        "fnr_ci": bounds(point.fnr),
        "threshold": json_number(point.threshold),
        "picked_on": chosen_on,
    }


def main_values(found: Performance, chosen_on: str) -> Json:
    """Numbers of lesions and patients, AUC, and TNR at each FNR with thresholds chosen on the same lesions.

    Args:
        found: the performance.
        chosen_on: what these lesions are called.
    """
    values: Json = {"n": found.n, "n_malignant": found.n_malignant, "n_patients": found.n_patients}
    values |= {"undefined": found.undefined or None, "auc": json_number(found.auc.value), "auc_ci": bounds(found.auc)}
    return values | {"tnr_at_fnr": {f"{f:g}": operating_point(p, chosen_on) for f, p in found.chosen_here.items()}}


def test_values(table: pd.DataFrame) -> Json:
    """The values of result.json of the malignant and benign lesions of a run's score table.

    Args:
        table: columns as score_columns.LESION_COLUMNS; lesions of neither class do not count.

    Returns:
        test_lesions, main_values of the lesion views; test_findings, those of the findings, None where no finding has
        two views.
    """
    table = table[table["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])]
    findings = Findings.of(table)
    labels, scores, patients = (table[name].to_numpy() for name in ("malignant", "score", "patient_id"))
    values: Json = {"test_lesions": main_values(performance(labels, scores, patients), "these lesions")}
    if not findings.are_joined:
        return values | {"test_findings": None}
    found = performance(labels[findings.first], findings.mean(scores), patients[findings.first])
    return values | {"test_findings": main_values(found, "these findings")}
