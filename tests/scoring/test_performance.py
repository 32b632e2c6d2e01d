"""Performance: each value equals that of its own function on the same resamples."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.scoring.intervals import auc_interval, resample_weights
from mammo.scoring.metrics import average_precision, brier, partial_auc
from mammo.scoring.model_comparison import delong_interval
from mammo.scoring.performance import class_subgroups, performance, subgroups
from mammo.scoring.thresholds import rates_at, threshold_at_fnr, tnr_at_fnr

RNG = np.random.default_rng(0)
LABELS, PATIENTS = RNG.integers(0, 2, 90), RNG.integers(0, 40, 90)
SCORES = np.clip(0.4 + 0.2 * LABELS + 0.2 * RNG.normal(size=90), 0, 1)


def test_each_value_equals_that_of_its_own_function() -> None:
    found = performance(LABELS, SCORES, PATIENTS)
    assert (found.n, found.n_malignant, found.n_patients) == (90, LABELS.sum(), np.unique(PATIENTS).size)
    assert found.auc == auc_interval(LABELS, SCORES, PATIENTS)
    assert found.auc_delong == delong_interval(LABELS, SCORES)
    assert found.partial_auc.value == partial_auc(LABELS, SCORES)
    assert found.average_precision.value == average_precision(LABELS, SCORES)
    assert found.brier.value == brier(LABELS, SCORES)
    for fnr, point in found.chosen_here.items():
        assert point.tnr.value == tnr_at_fnr(LABELS, SCORES, fnr)
        assert point.threshold == threshold_at_fnr(LABELS, SCORES, fnr)
        assert point.fnr.value <= fnr
    assert found.transferred == {}
    for interval in (found.partial_auc, found.average_precision, found.brier):
        assert interval.low < interval.value < interval.high


def test_each_resample_chooses_its_own_threshold() -> None:
    found = performance(LABELS, SCORES, PATIENTS, seed=2, n_resamples=60).chosen_here[0.05].tnr
    drawn = [np.repeat(np.arange(90), weights) for weights in resample_weights(PATIENTS, 60, 2)]
    bounds = np.nanquantile([tnr_at_fnr(LABELS[rows], SCORES[rows], 0.05) for rows in drawn], [0.025, 0.975])
    assert [found.low, found.high] == pytest.approx(list(bounds))


def test_a_threshold_of_other_lesions_is_fixed() -> None:
    point = performance(LABELS, SCORES, PATIENTS, thresholds={0.02: 0.35}).transferred[0.02]
    rates = rates_at(LABELS, SCORES, 0.35)
    assert (point.threshold, point.tnr.value, point.fnr.value) == (0.35, rates.tnr, rates.fnr)
    assert point.tnr.low < rates.tnr < point.tnr.high
    assert 0 <= point.fnr.low <= rates.fnr <= point.fnr.high


@pytest.mark.parametrize(("label", "missing"), [(0, "no malignant lesion"), (1, "no benign lesion")])
def test_one_class_is_undefined(label: int, missing: str) -> None:
    found = performance(np.full(5, label), SCORES[:5], PATIENTS[:5], thresholds={0.02: 0.3})
    assert found.undefined == missing
    intervals = [found.auc, found.auc_delong, found.partial_auc, found.average_precision, found.brier]
    intervals += [point.tnr for point in found.chosen_here.values()]
    assert np.isnan([(i.value, i.low, i.high) for i in intervals]).all()


def test_no_lesion_is_undefined() -> None:
    found = performance([], [], [])
    assert (found.n, found.undefined) == (0, "no lesion")
    assert np.isnan(found.auc.value)


SUBGROUP_RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "malignant": SUBGROUP_RNG.integers(0, 2, 80),
        "score": SUBGROUP_RNG.random(80),
        "patient_id": SUBGROUP_RNG.integers(0, 30, 80),
    }
)
TABLE = TABLE.assign(
    view=SUBGROUP_RNG.choice(["CC", "MLO"], 80),
    density=SUBGROUP_RNG.choice(["a", "b", ""], 80),
    label=np.where(TABLE["malignant"], "malignant", "benign"),
    site="here",
    image=np.arange(80).astype(str),
)


def test_the_auc_of_each_value_is_that_of_its_lesions() -> None:
    found = subgroups(TABLE, ["view", "density"])
    names = [(group.column, group.value) for group in found]
    assert names == [("view", "CC"), ("view", "MLO"), ("density", "a"), ("density", "b")]
    for group in found:
        part = TABLE[TABLE[group.column] == group.value]
        assert (group.n, group.n_malignant) == (len(part), part["malignant"].sum())
        assert group.auc.value == pytest.approx(roc_auc_score(part["malignant"], part["score"]))


def test_types_of_one_class_are_compared_with_all_lesions_of_the_other() -> None:
    kind = np.where(TABLE["malignant"], "IDC", "cyst").astype(object)
    kind[::3] = ""
    kind[1:9] = "other"  # of both classes
    table = TABLE.assign(kind=kind)
    found = class_subgroups(table, "kind")
    assert [group.value for group in found] == ["IDC (and all benign)", "cyst (and all malignant)", "other"]
    malignant = table["malignant"] == 1
    for group, rows in zip(
        found, ((kind == "IDC") | ~malignant, (kind == "cyst") | malignant, kind == "other"), strict=True
    ):
        part = table[rows]
        assert (group.column, group.n, group.n_malignant) == ("kind", len(part), part["malignant"].sum())
        assert group.auc.value == pytest.approx(roc_auc_score(part["malignant"], part["score"]))
    assert class_subgroups(TABLE.assign(kind=""), "kind") == []


def test_columns_that_define_no_subgroups_are_skipped() -> None:
    assert subgroups(TABLE, ["label", "site", "image"]) == []
    exams = TABLE.assign(patient_id=TABLE["patient_id"] % 10, exam=(TABLE["patient_id"] % 10).astype(str))
    assert subgroups(exams, ["exam"]) == []


def test_a_subgroup_with_one_class_is_undefined_with_a_reason() -> None:
    table = TABLE.assign(view=np.where(TABLE["malignant"].cumsum() <= 1, "CC", "MLO"))
    table.loc[table["view"] == "CC", "malignant"] = 0
    first = subgroups(table, ["view"])[0]
    assert first.undefined == "no malignant lesion"
    assert np.isnan(first.auc.value)
