"""The mean difference over cohorts, on scores whose AUCs are known."""

import numpy as np
import pandas as pd
import pytest

from mammo.scoring.model_comparison import compare
from tests.phantoms.result_tables import EMB, SAL_EMB, pooled_lines


def table(shift: float, cohort: int) -> pd.DataFrame:
    """Scores of 200 patients with two lesions each; those of malignant ones are higher by shift."""
    rng = np.random.default_rng(cohort)
    malignant = np.repeat(rng.integers(0, 2, 200), 2)
    score = 1 / (1 + np.exp(-rng.standard_normal(400) - shift * malignant))
    patients = np.repeat([f"p{number}" for number in range(200)], 2)
    return pd.DataFrame({"lesion_id": range(400), "patient_id": patients, "malignant": malignant, "score": score})


def test_the_mean_difference_has_a_narrower_interval_than_that_of_a_cohort() -> None:
    cohorts = {cohort: {EMB: table(0.5, cohort), SAL_EMB: table(1.5, cohort)} for cohort in range(4)}
    *_, line = pooled_lines(cohorts)
    name, n, mean, _, above = (cell.strip() for cell in line.strip("| ").split("|"))
    value, low, high = (float(word) for word in mean.translate(str.maketrans("()", "  ")).replace("to", "").split())
    found = [
        compare(each[EMB]["malignant"], each[SAL_EMB]["score"], each[EMB]["score"], each[EMB]["patient_id"])
        for each in cohorts.values()
    ]
    gains = [each.auc_difference for each in found]
    assert (name, n, above) == ("sal+emb minus emb", "4", "4")
    assert value == round(float(np.mean([gain.value for gain in gains])), 3)
    assert low < value < high
    assert high - low == pytest.approx(np.mean([gain.high - gain.low for gain in gains]) / 2, rel=0.25), "root of 4"
