"""Subgroups: which columns make some, and that each is judged by its own lesions alone."""

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


def test_every_value_is_judged_by_its_own_lesions() -> None:
    found = subgroups(TABLE, ["view", "density"])
    names = [(group.column, group.value) for group in found]
    assert names == [("view", "CC"), ("view", "MLO"), ("density", "a"), ("density", "b")]
    for group in found:
        part = TABLE[TABLE[group.column] == group.value]
        assert (group.n, group.n_malignant) == (len(part), part["malignant"].sum())
        assert group.auc.value == pytest.approx(roc_auc_score(part["malignant"], part["score"]))


def test_columns_that_tell_no_kinds_are_passed_over() -> None:
    assert subgroups(TABLE, ["label", "site", "image"]) == []


def test_one_class_in_a_group_is_undefined_and_says_so() -> None:
    table = TABLE.assign(view=np.where(TABLE["malignant"].cumsum() <= 1, "CC", "MLO"))
    table.loc[table["view"] == "CC", "malignant"] = 0
    first = subgroups(table, ["view"])[0]
    assert first.undefined == "no malignant lesion"
    assert np.isnan(first.auc.value)
