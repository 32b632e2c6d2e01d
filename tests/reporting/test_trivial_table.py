"""The report names the models that do not beat the best trivial predictor."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.reporting.trivial_table import known_predictors, trivial_table, trivial_warnings
from mammo.scoring.model_comparison import compare

N = 200
RNG = np.random.default_rng(0)
MALIGNANT = RNG.integers(0, 2, N)
PATIENTS = np.array([f"p{number // 2}" for number in range(N)], dtype=object)


def scores(strength: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return 1 / (1 + np.exp(-(strength * MALIGNANT + RNG.normal(size=N))))


STRONG, WEAK, SIZE, GRAY = scores(3.0), scores(0.2), scores(1.0), scores(0.5)
LESIONS = pd.DataFrame({"malignant": MALIGNANT, "patient_id": PATIENTS, "trivial_size": SIZE, "trivial_gray": GRAY})


def test_the_table_holds_the_auc_of_each_predictor_and_the_models_gain() -> None:
    table = trivial_table(STRONG, LESIONS.assign(trivial_vendor=0.4, trivial_position=np.nan)).set_index("predictor")
    assert list(table.index) == ["size of the outline", "mean gray level inside the outline"]  # others say nothing
    for name, values in zip(table.index, (SIZE, GRAY), strict=True):
        row, gain = table.loc[name], compare(MALIGNANT, STRONG, values, PATIENTS).auc_difference
        assert row["auc"] == pytest.approx(roc_auc_score(MALIGNANT, values))
        assert row["auc_low"] < row["auc"] < row["auc_high"]
        assert (row["gain"], row["gain_low"], row["gain_high"]) == (gain.value, gain.low, gain.high)


def test_a_model_that_does_not_beat_the_best_predictor_is_named() -> None:
    (warning,) = trivial_warnings({"strong": STRONG, "weak": WEAK, "same": SIZE}, LESIONS)
    best = roc_auc_score(MALIGNANT, SIZE)
    assert warning.startswith(
        f"Not shown to be better than the best trivial predictor (size of the outline, AUC {best:.3f}"
    )
    gain = compare(MALIGNANT, WEAK, SIZE, PATIENTS).auc_difference
    assert f"weak (\N{MINUS SIGN}{-gain.value:.3f}; " in warning
    assert "same (+0.000; +0.000 to +0.000)" in warning
    assert "strong" not in warning
    assert trivial_warnings({"strong": STRONG}, LESIONS) == []


def test_nothing_is_said_without_predictors_or_with_one_class() -> None:
    without = LESIONS[["malignant", "patient_id"]]
    assert known_predictors(without) == {}
    assert trivial_table(STRONG, without).empty
    assert trivial_warnings({"weak": WEAK}, without) == []
    assert trivial_table(STRONG, LESIONS.assign(malignant=0)).empty
    assert trivial_warnings({"weak": WEAK}, LESIONS.assign(malignant=0)) == []


def test_numbers_of_a_csv_file_are_read_and_a_missing_one_drops_the_predictor() -> None:
    text = LESIONS.assign(trivial_size=[f"{value:.6f}" for value in SIZE], trivial_gray=["", *map(str, GRAY[1:])])
    assert list(known_predictors(text)) == ["size of the outline"]
