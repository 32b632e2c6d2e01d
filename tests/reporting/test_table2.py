"""Table 2 from a performance: what was picked here, what was transferred, and the paper's."""

import numpy as np

from mammo.reporting.table2 import COLUMNS, table2
from mammo.scoring.performance import performance


def test_ours_beside_the_papers() -> None:
    malignant = np.repeat([1, 0], 100)
    score = np.concatenate([np.arange(100), np.arange(100) + 0.5]) / 200
    table = table2(performance(malignant, score, np.arange(200)))
    assert list(table.columns) == COLUMNS
    assert table["fnr"].tolist() == [0, 0.01, 0.02, 0.03, 0.05]
    assert table["misses_allowed"].tolist() == [0, 1, 2, 3, 5]
    np.testing.assert_allclose(table["tnr"], [0, 0.01, 0.02, 0.03, 0.05])
    assert table["paper_tnr"].tolist() == [0.017, 0.135, 0.231, 0.276, 0.435]
    assert (table["tnr_low"] >= 0).all()
    assert (table["tnr_low"] <= table["tnr_high"]).all()
    assert table.filter(like="transferred").isna().all(axis=None)


def test_a_threshold_of_validation_stands_beside_the_one_picked_here() -> None:
    malignant, score = [1, 1, 0, 0], [0.4, 0.8, 0.3, 0.6]
    row = table2(performance(malignant, score, list("abcd"), {0.02: 0.5})).set_index("fnr").loc[0.02]
    assert (row["tnr"], row["transferred_tnr"], row["transferred_fnr"]) == (0.5, 0.5, 0.5)


def test_one_class_is_undefined() -> None:
    table = table2(performance(np.ones(3, dtype=np.int64), [0.1, 0.2, 0.3], list("abc")))
    assert table[["tnr", "tnr_low", "tnr_high"]].isna().all(axis=None)
