"""Subgroups: which columns define them, and their AUCs."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.scoring.subgroups import subgroups

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {"malignant": RNG.integers(0, 2, 80), "score": RNG.random(80), "patient_id": RNG.integers(0, 30, 80)}
)
TABLE = TABLE.assign(
    view=RNG.choice(["CC", "MLO"], 80),
    density=RNG.choice(["a", "b", ""], 80),
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


def test_columns_that_define_no_subgroups_are_skipped() -> None:
    assert subgroups(TABLE, ["label", "site", "image"]) == []


def test_a_subgroup_with_one_class_is_undefined_with_a_reason() -> None:
    table = TABLE.assign(view=np.where(TABLE["malignant"].cumsum() <= 1, "CC", "MLO"))
    table.loc[table["view"] == "CC", "malignant"] = 0
    first = subgroups(table, ["view"])[0]
    assert first.undefined == "no malignant lesion"
    assert np.isnan(first.auc.value)
