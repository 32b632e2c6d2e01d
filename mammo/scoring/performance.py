"""Performance of one score vector: all metrics with intervals, operating points, and subgroups of lesions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.intervals import (
    N_RESAMPLES,
    Interval,
    Weights,
    auc_interval,
    aucs,
    average_precisions,
    bootstrap,
    briers,
    partial_aucs,
    percentile_interval,
    rates_below,
    tallies,
    tnrs_at_fnr,
)
from mammo.scoring.metrics import auc, average_precision, brier, partial_auc, why_undefined
from mammo.scoring.model_comparison import delong_interval
from mammo.scoring.thresholds import FNRS, rates_at, threshold_at_fnr, tnr_at_fnr


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold with its TNR and FNR.

    Attributes:
        threshold: lesions with scores at or above it are called malignant; NaN if lesions have different ones (folds).
        tnr: share of benign lesions below it (biopsies avoided). If the threshold was chosen on the same lesions, each
            resample chooses its own.
        fnr: share of malignant lesions below it (missed); without bounds if the threshold was chosen on the same
            lesions for a given FNR.
    """

    threshold: float
    tnr: Interval
    fnr: Interval


@dataclass(frozen=True)
class Performance:
    """How well one score vector separates malignant from benign lesions; with patient-bootstrap intervals.

    Attributes:
        n: number of lesions.
        n_malignant: number of malignant lesions.
        n_patients: number of patients.
        undefined: why the metrics are undefined (metrics.why_undefined), empty if they are defined.
        auc: with its interval.
        auc_delong: the same AUC with DeLong's interval.
        partial_auc: mean true negative rate while at most 5 % of malignant lesions are missed.
        average_precision: with its interval.
        brier: with its interval.
        chosen_here: by FNR, the operating point with a threshold chosen on the same lesions, which is optimistic.
        transferred: by FNR, the operating point with a threshold chosen on other lesions; empty if none were given.
    """

    n: int
    n_malignant: int
    n_patients: int
    undefined: str
    auc: Interval
    auc_delong: Interval
    partial_auc: Interval
    average_precision: Interval
    brier: Interval
    chosen_here: Mapping[float, OperatingPoint]
    transferred: Mapping[float, OperatingPoint]


def performance(
    malignant: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    thresholds: Mapping[float, float | Floats] | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Performance:
    """Evaluate scores of lesions.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N] in [0, 1].
        patients: [N], each lesion's patient.
        thresholds: by FNR, thresholds chosen on other lesions (validation): one, or [N], each lesion's own (that of its
            fold).
        seed: seed of the bootstrap.
        n_resamples: number of resamples.

    Raises:
        ValueError: as metrics.checked_probabilities.
    """
    labels, other = np.asarray(malignant), dict(thresholds or {})

    def measure(weights: Weights) -> Floats:
        """All metrics, [R, K], in resamples of these weights [R, N]."""
        t = tallies(labels, scores, weights)
        columns = [aucs(t), partial_aucs(t), average_precisions(t), briers(t), *(tnrs_at_fnr(t, fnr) for fnr in FNRS)]
        for threshold in other.values():
            called_malignant = (np.asarray(scores) >= threshold).astype(np.float64)
            columns += rates_below(tallies(labels, called_malignant, weights), 1.0)
        return np.stack(columns, axis=1)

    drawn = iter(bootstrap(measure, patients, seed, n_resamples).T)
    metrics = [
        percentile_interval(metric(labels, scores), next(drawn))
        for metric in (auc, partial_auc, average_precision, brier)
    ]
    chosen = {fnr: _chosen(labels, scores, fnr, next(drawn)) for fnr in FNRS}
    return Performance(
        n=labels.size,
        n_malignant=int(labels.sum()),
        n_patients=np.unique(np.asarray(patients)).size,
        undefined=why_undefined(labels),
        auc=metrics[0],
        auc_delong=delong_interval(labels, scores),
        partial_auc=metrics[1],
        average_precision=metrics[2],
        brier=metrics[3],
        chosen_here=chosen,
        transferred={fnr: _fixed(labels, scores, value, next(drawn), next(drawn)) for fnr, value in other.items()},
    )


def _chosen(malignant: ArrayLike, scores: ArrayLike, fnr: float, drawn: Floats) -> OperatingPoint:
    threshold = threshold_at_fnr(malignant, scores, fnr)
    missed = rates_at(malignant, scores, threshold).fnr
    tnr = percentile_interval(tnr_at_fnr(malignant, scores, fnr), drawn)
    return OperatingPoint(threshold, tnr, Interval(missed, float("nan"), float("nan")))


def _fixed(
    malignant: ArrayLike, scores: ArrayLike, threshold: float | Floats, fnrs: Floats, tnrs: Floats
) -> OperatingPoint:
    rates = rates_at(malignant, scores, threshold)
    shared = threshold if isinstance(threshold, float) else float("nan")
    return OperatingPoint(shared, percentile_interval(rates.tnr, tnrs), percentile_interval(rates.fnr, fnrs))


MAX_VALUES = 12
"""A column with more distinct values than this does not define subgroups."""


@dataclass(frozen=True)
class Subgroup:
    """The lesions that share one value of one column.

    Attributes:
        column: name of the column.
        value: the value that these lesions share.
        n: number of lesions.
        n_malignant: number of malignant lesions.
        undefined: why the AUC is undefined, empty if it is defined.
        auc: with its patient-bootstrap interval.
    """

    column: str
    value: str
    n: int
    n_malignant: int
    undefined: str
    auc: Interval


def subgroups(table: pd.DataFrame, columns: Sequence[str]) -> list[Subgroup]:
    """The subgroups of lesions by each column.

    Args:
        table: malignant, score, patient_id and the columns; empty text is a missing value.
        columns: a column is skipped if it has one value or more than MAX_VALUES, or if every value has lesions of one
            class only (such as a copy of the label) or of a single patient (such as the exam).
    """
    return [group for column in columns for group in _groups(table, column)]


def _groups(table: pd.DataFrame, column: str) -> Iterator[Subgroup]:
    values = table[column].astype("str")
    names = sorted(set(values) - {""})
    if not 2 <= len(names) <= MAX_VALUES:
        return
    parts = {name: table[values == name] for name in names}
    if all(why_undefined(part["malignant"]) or part["patient_id"].nunique() == 1 for part in parts.values()):
        return
    yield from (_group(part, column, name) for name, part in parts.items())


def _group(part: pd.DataFrame, column: str, name: str) -> Subgroup:
    malignant = part["malignant"].to_numpy(dtype=np.int64)
    auc = auc_interval(malignant, part["score"].to_numpy(dtype=np.float64), part["patient_id"].to_numpy())
    return Subgroup(column, name, len(part), int(malignant.sum()), why_undefined(malignant), auc)


def class_subgroups(table: pd.DataFrame, column: str) -> list[Subgroup]:
    """The subgroups by a column whose values belong to one class, such as the types of cancer.

    The AUC of lesions that are all malignant is against all benign lesions, and the other way around.

    Args:
        table: as in subgroups.
        column: empty text is a missing value.
    """
    values = table[column].astype("str")
    names = sorted(set(values) - {""})
    groups = []
    for name in names:
        classes = set(table["malignant"][values == name])
        rest = {frozenset({0}): " (and all malignant)", frozenset({1}): " (and all benign)"}.get(frozenset(classes), "")
        chosen = (values == name) | ~table["malignant"].isin(classes)
        groups.append(_group(table[chosen], column, f"{name}{rest}"))
    return groups
