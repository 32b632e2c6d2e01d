"""Score files evaluated and compared per finding, as an object for JSON and as text (score_comparison)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from mammo.scoring.findings import Findings, per_finding
from mammo.scoring.model_comparison import Comparison, compare
from mammo.scoring.number_text import json_number, number_text, range_text
from mammo.scoring.performance import performance
from mammo.scoring.performance_json import Json, bounds, main_values, operating_point
from mammo.scoring.score_file import ScoreFile, thresholds_at_fnr
from mammo.scoring.thresholds import FNRS, KnownThresholds


def finding_values(file: ScoreFile, validation: ScoreFile | KnownThresholds | None) -> Json | None:
    """The values of one file per finding; None where no finding has two views.

    Thresholds that were chosen before (KnownThresholds) are of lesion views, and do not count here.

    Args:
        file: the scores.
        validation: scores of validation lesions, on whose findings the thresholds are chosen, too.

    Returns:
        main_values, auc_gain (AUC per finding minus AUC per lesion view; paired) and, with validation lesions,
        tnr_at_fnr_transferred.
    """
    findings = Findings.of(file.table)
    if not findings.are_joined:
        return None
    thresholds, one = {}, replace(file, table=per_finding(file.table))
    if isinstance(validation, ScoreFile):
        chosen_on = replace(validation, table=per_finding(validation.table))
        thresholds = {fnr: thresholds_at_fnr(chosen_on, one, fnr) for fnr in FNRS}
    (labels, scores, patients), of_views = _columns(one.table), _columns(file.table)
    found, gain = performance(labels, scores, patients, thresholds), findings.auc_gain(*of_views)
    values = main_values(found, "these findings")
    values |= {"auc_gain": json_number(gain.value), "auc_gain_ci": bounds(gain)}
    if isinstance(validation, ScoreFile):
        transferred = found.transferred.items()
        name = f"the findings of {validation.name}"
        values["tnr_at_fnr_transferred"] = {f"{fnr:g}": operating_point(point, name) for fnr, point in transferred}
    return values


def difference_values(found: Comparison) -> Json:
    """A comparison of two models as an object for JSON."""
    return {
        "auc_difference": json_number(found.auc_difference.value),
        "auc_difference_ci": bounds(found.auc_difference),
        "p_delong": json_number(found.p_delong),
        "p_bootstrap": json_number(found.p_bootstrap),
    }


def finding_difference(first: ScoreFile, second: ScoreFile) -> Json | None:
    """The difference of two files per finding; None where no finding has two views.

    Args:
        first: matched with second (score_file.match_lesions); the one of them that has findings gives them.
        second: the baseline.
    """
    findings = Findings.of_any(file.table for file in (first, second))
    if not findings.are_joined:
        return None
    labels, _, patients = _columns(first.table.iloc[findings.first])
    ours, theirs = (findings.mean(file.table["score"]) for file in (first, second))
    return {"n": len(labels), **difference_values(compare(labels, ours, theirs, patients))}


def finding_lines(findings: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the lines of the text on finding_values."""
    if findings is None:
        return
    yield f"  Per finding, by the mean over its views: {findings['n']} findings, {findings['n_malignant']} malignant"
    gain = f"minus AUC per lesion view {_shown(findings, 'auc_gain')}"
    yield f"  AUC per finding      {_shown(findings, 'auc')}   {gain}"
    for key, point in findings["tnr_at_fnr"].items():
        yield f"  per finding, FNR {key:<4} {_shown(point, 'tnr')}   threshold chosen on these findings: optimistic"
    for key, point in findings.get("tnr_at_fnr_transferred", {}).items():
        where = f"threshold of {point['picked_on']}; FNR here {_shown(point, 'fnr')}"
        yield f"  per finding, FNR {key:<4} {_shown(point, 'tnr')}   {where}"


def pair_lines(findings: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the line of the text on finding_difference."""
    if findings is not None:
        tests = ", ".join(f"p {name} {number_text(findings[f'p_{name}'])}" for name in ("bootstrap", "delong"))
        yield f"  per finding ({findings['n']}): AUC {_shown(findings, 'auc_difference')}   {tests}"


def _columns(table: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Labels, scores and patients."""
    return table["malignant"].to_numpy(), table["score"].to_numpy(), table["patient_id"].to_numpy()


def _shown(values: Mapping[str, Any], name: str) -> str:
    interval = values[f"{name}_ci"]
    return f"{number_text(values[name])} ({'no interval' if interval is None else range_text(interval)})"
