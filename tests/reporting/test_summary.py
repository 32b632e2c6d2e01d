"""The summary sentences state the numbers of the evaluation."""

import numpy as np

from mammo.reporting.summary import result_sentence, tradeoff_sentence
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
    assert ", emb separates malignant" in result_sentence(found, "emb", "", 1)
    assert ", emb (mean score of 3 seeds) separates malignant" in result_sentence(found, "emb", "", 3)


def test_an_interval_that_cannot_be_had_is_undefined() -> None:
    found = performance([1, 0], [0.9, 0.1], ["p", "q"])
    assert "AUC of 1.000 (95 % interval undefined)" in result_sentence(found, "emb", "", 1)


def test_one_class_has_no_result() -> None:
    found = performance([1, 1], [0.2, 0.3], ["p", "q"])
    assert result_sentence(found, "emb", "phantom", 2).endswith("2 patients: no benign lesion.")
    assert tradeoff_sentence(found) == ""
