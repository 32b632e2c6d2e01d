import numpy as np
import pandas as pd

from mammo.reporting.birads_table import BIRADS_COLUMNS, birads_table

CATEGORIES = pd.Series(["4A", "4A", "4C", "", "4A", "5"])
MALIGNANT = np.array([0, 0, 0, 0, 1, 1])
SCORES = np.array([0.1, 0.6, 0.2, 0.3, 0.4, 0.9])


def test_every_category_has_its_biopsies_avoided_and_cancers_missed() -> None:
    table = birads_table(CATEGORIES, MALIGNANT, SCORES, {0.02: 0.5})
    assert list(table.columns) == BIRADS_COLUMNS
    assert table.fillna(-1).to_numpy().tolist() == [
        ["4A", 2, 1, 0.5, 1, 1],
        ["4C", 1, 1, 1.0, 0, 0],
        ["5", 0, 0, -1, 1, 0],
        ["not stated", 1, 1, 1.0, 0, 0],
    ]


def test_without_validation_lesions_the_threshold_is_chosen_on_these() -> None:
    table = birads_table(CATEGORIES, MALIGNANT, SCORES, {})
    assert table["missed"].sum() == 0
    assert table["avoided"].tolist() == [1, 1, 0, 1]


def test_each_lesion_can_have_the_threshold_of_its_fold() -> None:
    table = birads_table(CATEGORIES, MALIGNANT, SCORES, {0.02: np.array([0.0, 1, 1, 1, 0.3, 0.3])})
    assert (table["avoided"].tolist(), table["missed"].tolist()) == ([1, 1, 0, 1], [0, 0, 0, 0])


def test_one_category_or_none_gives_no_table() -> None:
    for categories in (["", ""], ["4A", "4A"], ["4A", ""]):
        table = birads_table(pd.Series(categories), np.array([0, 1]), np.array([0.1, 0.9]), {})
        assert table.empty
