import numpy as np

from mammo.reporting.table2 import COLUMNS, table2


def test_ours_beside_the_papers() -> None:
    malignant = np.repeat([1, 0], 100)
    score = np.concatenate([np.arange(100), np.arange(100) + 0.5]) / 200
    table = table2(malignant, score, np.arange(200).astype(object))
    assert list(table.columns) == COLUMNS
    assert table["fnr"].tolist() == [0, 0.01, 0.02, 0.03, 0.05]
    assert table["misses_allowed"].tolist() == [0, 1, 2, 3, 5]
    np.testing.assert_allclose(table["tnr"], [0, 0.01, 0.02, 0.03, 0.05])
    assert table["paper_tnr"].tolist() == [0.017, 0.135, 0.231, 0.276, 0.435]
    assert (table["tnr_low"] >= 0).all()
    assert (table["tnr_low"] <= table["tnr_high"]).all()


def test_one_class_is_undefined() -> None:
    table = table2(np.ones(3, dtype=np.int64), np.array([0.1, 0.2, 0.3]), np.array(list("abc"), dtype=object))
    assert table[["tnr", "tnr_low", "tnr_high"]].isna().all(axis=None)
