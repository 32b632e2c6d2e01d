"""Evaluates and compares score files, down to single lesions: as an object for JSON, and as text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.reporting.evaluation_warnings import evaluation_warnings, training_warnings
from mammo.reporting.finding_comparison import (
    difference_values,
    finding_difference,
    finding_lines,
    finding_values,
    pair_lines,
)
from mammo.scoring.findings import FINDING
from mammo.scoring.intervals import N_RESAMPLES, Interval, auc_interval
from mammo.scoring.metrics import why_undefined
from mammo.scoring.model_comparison import compare
from mammo.scoring.number_text import json_number, number_text, range_text
from mammo.scoring.performance import performance, subgroups
from mammo.scoring.performance_json import Json, bounds, main_values, operating_point
from mammo.scoring.probability_curves import CalibrationCurve, DecisionCurve, calibration_curve, decision_curve
from mammo.scoring.score_file import (
    COLUMNS,
    ScoreFile,
    fold_column,
    fold_names,
    missing_folds,
    read_scores,
    score_table,
    thresholds_at_fnr,
)
from mammo.scoring.thresholds import FNRS, KnownThresholds
from mammo.scoring.trivial_predictors import PREDICTORS, known_predictors, trivial_table, trivial_warnings
from mammo.store.pseudonyms import OwnId

N_SHOWN = 5
"""Number of lesions that are listed."""


def compare_files(
    files: Sequence[ScoreFile],
    validation: Sequence[ScoreFile | KnownThresholds],
    own: Mapping[str, OwnId] | None = None,
) -> Json:
    """The metrics of the files and of their pairs, ready for JSON; undefined values are None.

    Args:
        files: matched (score_file.match_lesions), at least one.
        validation: score files of validation lesions, on which the thresholds are chosen, or such thresholds, in the
            order of files; or empty.
        own: the user's own names of lesions by pseudonym; None to leave them out.

    Returns:
        files (one object for each file), pairs (one for each pair of files; differences are first minus second) and
        bootstrap (the method of the intervals).
    """
    validations: Sequence[ScoreFile | KnownThresholds | None] = validation or [None] * len(files)
    facts = next((file.table for file in files if known_predictors(file.table)), files[0].table)
    return {
        "files": [
            _file(file, other, facts) | {"most_wrong": _most_wrong(file.table, own or {})}
            for file, other in zip(files, validations, strict=True)
        ],
        "pairs": [
            _pair(first, second) | {"most_different": _most_different(first.table, second.table, own or {})}
            for first, second in combinations(files, 2)
        ],
        "bootstrap": {"unit": "patient", "resamples": N_RESAMPLES, "level": 0.95, "interval": "percentile"},
    }


def evaluate(table: pd.DataFrame | str | Path) -> Json:
    """The metrics of one table of lesion scores, as mammo.compare gives them for a file; undefined values are None.

    Args:
        table: a data frame, or the path of a CSV file, with the columns lesion_id, patient_id, malignant (0 or 1) and
            score (0 to 1); finding_id joins the views of one lesion, and other columns give subgroups.

    Returns:
        auc, auc_ci (patient bootstrap), auc_delong_ci, tnr_at_fnr (by allowed share of missed cancers), partial_auc,
        average_precision, brier, calibration, decision_curve, subgroups, findings (by the mean score over the views of
        each finding; None without a column finding_id that joins views), most_wrong, warnings and so on.

    Raises:
        MammoError: the file cannot be read, a column is missing, or a row is invalid.
    """
    file = score_table(table) if isinstance(table, pd.DataFrame) else read_scores(Path(table))
    found: Json = compare_files([file], [])["files"][0]
    return found


def _file(file: ScoreFile, validation: ScoreFile | KnownThresholds | None, facts: pd.DataFrame) -> Json:
    """The values of one file; facts are the first table with scores of trivial predictors, of the same lesions."""
    table = file.table
    labels, scores, patients = (table[name].to_numpy() for name in ("malignant", "score", "patient_id"))
    found = performance(labels, scores, patients, _thresholds(file, validation))
    bins, benefit = calibration_curve(labels, scores, patients), decision_curve(labels, scores, patients)
    folds = fold_names(table)
    left = (*COLUMNS, FINDING, *PREDICTORS, *(["fold"] if folds else []))
    extras = [name for name in table.columns if name not in left]
    sources = [str(source) for source in table.get("label_source", ())]
    values: Json = {"file": file.name, **main_values(found, "these lesions")}
    values["auc_delong_ci"] = bounds(found.auc_delong)
    if validation is not None:
        transferred = found.transferred.items()
        values["tnr_at_fnr_transferred"] = {f"{f:g}": operating_point(p, validation.name) for f, p in transferred}
    values["findings"] = finding_values(file, validation)
    for name in ("partial_auc", "average_precision", "brier"):
        values |= {name: json_number(getattr(found, name).value), f"{name}_ci": bounds(getattr(found, name))}
    values["calibration"] = _columns(bins)
    values["decision_curve"] = _columns(benefit)
    values["subgroups"] = [
        {"column": group.column, "value": group.value, "n": group.n, "n_malignant": group.n_malignant}
        | {"undefined": group.undefined or None, "auc": json_number(group.auc.value), "auc_ci": bounds(group.auc)}
        for group in subgroups(table, extras)
    ]
    values |= _folds(table, folds)
    values["trivial"] = _trivial(trivial_table(scores, facts))
    values["warnings"] = evaluation_warnings(found.n_malignant, found.undefined, sources, found.auc.value)
    values["warnings"] += training_warnings(map(str, table.get("split", ())))
    values["warnings"] += [f"Fold {fold} is missing among the folds of this file." for fold in missing_folds(folds)]
    values["warnings"] += trivial_warnings({"this model": scores}, facts)
    return values


def _thresholds(file: ScoreFile, validation: ScoreFile | KnownThresholds | None) -> Mapping[float, float | Floats]:
    """The thresholds that were chosen on other lesions than those of a file, by false negative rate."""
    if isinstance(validation, ScoreFile):
        return {fnr: thresholds_at_fnr(validation, file, fnr) for fnr in FNRS}
    return {} if validation is None else validation.by_fnr


def _folds(table: pd.DataFrame, names: Sequence[str]) -> Json:
    """The AUC of every fold and the mean of those that are defined."""
    parts = {name: table[fold_column(table) == name] for name in names}
    values: list[Json] = []
    for name, part in parts.items():
        labels, scores, patients = (part[column].to_numpy() for column in ("malignant", "score", "patient_id"))
        found = auc_interval(labels, scores, patients)
        row = {
            "fold": name,
            "n": len(part),
            "n_malignant": int(labels.sum()),
            "undefined": why_undefined(labels) or None,
        }
        values.append(row | {"auc": json_number(found.value), "auc_ci": bounds(found)})
    known = [float(value["auc"]) for value in values if value["auc"] is not None]
    return {"folds": values, "auc_fold_mean": sum(known) / len(known) if known else None}


def _trivial(table: pd.DataFrame) -> list[Json]:
    """The rows of trivial_table."""
    values = []
    for row in table.to_dict("records"):
        auc, gain = (Interval(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in ("auc", "gain"))
        differences = {"auc_difference": json_number(gain.value), "auc_difference_ci": bounds(gain)}
        values.append(
            {"predictor": row["predictor"], "auc": json_number(auc.value), "auc_ci": bounds(auc), **differences}
        )
    return values


def _pair(first: ScoreFile, second: ScoreFile) -> Json:
    table = first.table
    found = compare(table["malignant"], table["score"], second.table["score"], table["patient_id"].to_numpy())
    values: Json = {"first": first.name, "second": second.name, **difference_values(found)}
    return values | {"findings": finding_difference(first, second)}


def _most_wrong(table: pd.DataFrame, own: Mapping[str, OwnId]) -> list[Json]:
    """The lesions whose scores are farthest from their labels, the most wrong first, ready for JSON.

    Args:
        table: as score_file.ScoreFile has it.
        own: the user's own names by pseudonym, empty to leave them out.
    """
    order = np.argsort(-(table["score"] - table["malignant"]).abs().to_numpy(), kind="stable")[:N_SHOWN]
    return [_lesion(row, own) | {"score": float(row["score"])} for _, row in table.iloc[order].iterrows()]


def _most_different(first: pd.DataFrame, second: pd.DataFrame, own: Mapping[str, OwnId]) -> list[Json]:
    """The lesions that two models score most differently, the largest difference first, ready for JSON.

    Args:
        first: as score_file.ScoreFile has it.
        second: the same lesions in the same order.
        own: as in _most_wrong.
    """
    scores = np.stack([first["score"].to_numpy(), second["score"].to_numpy()])
    order = np.argsort(-np.abs(scores[0] - scores[1]), kind="stable")[:N_SHOWN]
    return [
        _lesion(first.iloc[at], own) | {"first": float(scores[0, at]), "second": float(scores[1, at])}
        for at in order.tolist()
    ]


def _lesion(row: "pd.Series[Any]", own: Mapping[str, OwnId]) -> Json:
    key = str(row["lesion_id"])
    name = own.get(key)
    known = {} if name is None else {"source": name.source, "source_path": name.path, "source_id": name.id}
    return {"lesion_id": key, "malignant": int(row["malignant"])} | known


def _columns(curve: CalibrationCurve | DecisionCurve) -> dict[str, list[float | None]]:
    return {
        field.name: [json_number(value) for value in getattr(curve, field.name).tolist()] for field in fields(curve)
    }


def comparison_text(compared: Mapping[str, Any]) -> str:
    """The object of comparison as text."""
    return "\n".join(line for part in (_files(compared), _pairs(compared)) for line in part)


def _files(compared: Mapping[str, Any]) -> Iterator[str]:
    for file in compared["files"]:
        yield f"{file['file']}: {file['n']} lesions, {file['n_malignant']} malignant, {file['n_patients']} patients"
        yield from (f"  warning: {warning}" for warning in file["warnings"])
        yield f"  AUC                  {_shown(file, 'auc')}   DeLong {_range(file['auc_delong_ci'])}"
        yield f"  partial AUC          {_shown(file, 'partial_auc')}   mean TNR at an FNR of at most 0.05"
        yield f"  average precision    {_shown(file, 'average_precision')}"
        yield f"  Brier score          {_shown(file, 'brier')}"
        yield from _fold_lines(file)
        yield from _trivial_lines(file)
        for key, point in file["tnr_at_fnr"].items():
            yield f"  TNR at FNR {key:<9} {_shown(point, 'tnr')}   threshold chosen on these lesions: optimistic"
        for key, point in file.get("tnr_at_fnr_transferred", {}).items():
            where = f"threshold of {point['picked_on']}; FNR here {_shown(point, 'fnr')}"
            yield f"  TNR, FNR {key:<11} {_shown(point, 'tnr')}   {where}"
        for group in file["subgroups"]:
            name, n = f"{group['column']}={group['value']}", f"{group['n']} lesions, {group['n_malignant']} malignant"
            yield f"  AUC, {name:<15} {_shown(group, 'auc')}   {n}" + _because(group)
        yield from finding_lines(file["findings"])
        yield from _lesion_lines("scored most wrongly:", file["most_wrong"])
        yield ""


def _fold_lines(file: Mapping[str, Any]) -> Iterator[str]:
    for fold in file["folds"]:
        n = f"{fold['n']} lesions, {fold['n_malignant']} malignant"
        yield f"  AUC, fold {fold['fold']:<10} {_shown(fold, 'auc')}   {n}" + _because(fold)
    if file["folds"]:
        yield f"  AUC, mean of folds   {number_text(file['auc_fold_mean'])}"


def _trivial_lines(file: Mapping[str, Any]) -> Iterator[str]:
    for row in file["trivial"]:
        yield f"  AUC of {row['predictor']}: {_shown(row, 'auc')}; this model minus it {_shown(row, 'auc_difference')}"


def _pairs(compared: Mapping[str, Any]) -> Iterator[str]:
    for pair in compared["pairs"]:
        tests = ", ".join(f"p {name} {number_text(pair[f'p_{name}'])}" for name in ("bootstrap", "delong"))
        yield f"{pair['first']} minus {pair['second']}: AUC {_shown(pair, 'auc_difference')}   {tests}"
        yield from pair_lines(pair["findings"])
        yield from _lesion_lines("scored most differently:", pair["most_different"])
    yield "Intervals: 95 %, patient bootstrap (all lesions of a patient drawn together); DeLong assumes independence."


def _lesion_lines(title: str, lesions: Iterable[Json]) -> Iterator[str]:
    """Yield a title and a line for each lesion of _most_wrong or _most_different."""
    yield f"  {title}"
    for lesion in lesions:
        scores = " and ".join(number_text(lesion[name]) for name in ("score", "first", "second") if name in lesion)
        label = "malignant" if lesion["malignant"] else "not malignant"
        own = f"   {lesion['source']}: {lesion['source_path']} ({lesion['source_id']})" if "source" in lesion else ""
        yield f"    {lesion['lesion_id']:<20} {scores:<15} {label}{own}"


def _because(group: Mapping[str, Any]) -> str:
    return f" ({group['undefined']})" if group["undefined"] else ""


def _shown(values: Mapping[str, Any], name: str) -> str:
    return f"{number_text(values[name])} {_range(values[f'{name}_ci'])}"


def _range(bounds: Sequence[float] | None) -> str:
    return "(no interval)" if bounds is None else f"({range_text(bounds)})"
