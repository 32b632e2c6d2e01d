"""The summary states the numbers of the evaluation, overall and by BI-RADS category."""

import numpy as np
import pandas as pd

from mammo.reporting.summary import BIRADS_COLUMNS, birads_table, result_sentence, tradeoff_sentence
from mammo.scoring.performance import Performance, performance

MALIGNANT = np.repeat([1, 0], 100)
SCORE = np.concatenate([np.arange(100), np.arange(100) + 0.5]) / 200
PATIENTS = np.arange(200)


def tradeoff(found: Performance) -> str:
    return tradeoff_sentence(found).replace("\N{NO-BREAK SPACE}", " ")


def test_a_threshold_chosen_on_the_test_lesions_is_called_optimistic() -> None:
    found = tradeoff(performance(MALIGNANT, SCORE, PATIENTS))
    assert "2 % of the malignant test lesions (chosen on these lesions, so optimistic), 2 of" in found
    assert "2 of 100 benign biopsies would be avoided (2.0 %) and 2 of 100 cancers missed (2.0 %): 1.0" in found


def test_a_threshold_from_validation_lesions_is_applied_to_the_test_lesions() -> None:
    found = tradeoff(performance(MALIGNANT, SCORE, PATIENTS, {0.02: 0.1}))
    assert "2 % of the malignant validation lesions, 20 of 100 benign" in found
    assert "20 of 100 cancers missed (20.0 %, more than on validation): 1.0 biopsies avoided per cancer" in found


def test_no_missed_cancer_is_stated() -> None:
    assert tradeoff(performance([1, 0], [0.9, 0.1], ["p", "q"])).endswith(
        "0 of 1 cancers missed (0.0 %): no cancer is missed."
    )


def test_a_seed_mean_score_is_called_one() -> None:
    found = performance(MALIGNANT, SCORE, PATIENTS)
    assert ", emb separates malignant" in result_sentence(found, "emb", "", 1, "")
    sentence = result_sentence(found, "emb", "", 3, "f_loc and f_agg")
    assert ", emb (mean score of 3 seeds of f_loc and f_agg) separates malignant" in sentence


def test_an_interval_that_cannot_be_had_is_undefined() -> None:
    found = performance([1, 0], [0.9, 0.1], ["p", "q"])
    assert "AUC of 1.000 (95 % interval undefined)" in result_sentence(found, "emb", "", 1, "")


def test_one_class_has_no_result() -> None:
    found = performance([1, 1], [0.2, 0.3], ["p", "q"])
    assert result_sentence(found, "emb", "phantom", 2, "f_agg").endswith("2 patients: no benign lesion.")
    assert tradeoff_sentence(found) == ""


CATEGORIES = pd.Series(["4A", "4A", "4C", "", "4A", "5"])
ASSESSED_LABELS = np.array([0, 0, 0, 0, 1, 1])
ASSESSED_SCORES = np.array([0.1, 0.6, 0.2, 0.3, 0.4, 0.9])


def test_every_category_has_its_biopsies_avoided_and_cancers_missed() -> None:
    table = birads_table(CATEGORIES, ASSESSED_LABELS, ASSESSED_SCORES, {0.02: 0.5})
    assert list(table.columns) == list(BIRADS_COLUMNS)
    assert table.fillna(-1).to_numpy().tolist() == [
        ["4A", 2, 1, 0.5, 1, 1],
        ["4C", 1, 1, 1.0, 0, 0],
        ["5", 0, 0, -1, 1, 0],
        ["not stated", 1, 1, 1.0, 0, 0],
    ]


def test_without_validation_lesions_the_threshold_is_chosen_on_these() -> None:
    table = birads_table(CATEGORIES, ASSESSED_LABELS, ASSESSED_SCORES, {})
    assert table["missed"].sum() == 0
    assert table["avoided"].tolist() == [1, 1, 0, 1]


def test_each_lesion_can_have_the_threshold_of_its_fold() -> None:
    table = birads_table(CATEGORIES, ASSESSED_LABELS, ASSESSED_SCORES, {0.02: np.array([0.0, 1, 1, 1, 0.3, 0.3])})
    assert (table["avoided"].tolist(), table["missed"].tolist()) == ([1, 1, 0, 1], [0, 0, 0, 0])


def test_one_category_or_none_gives_no_table() -> None:
    for categories in (["", ""], ["4A", "4A"], ["4A", ""]):
        table = birads_table(pd.Series(categories), np.array([0, 1]), np.array([0.1, 0.9]), {})
        assert table.empty
