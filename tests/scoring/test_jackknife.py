"""AUCs without each patient, against AUCs computed anew."""

import numpy as np
import pytest

from mammo.scoring.jackknife import left_out_aucs
from mammo.scoring.metrics import auc


def test_aucs_without_each_patient_equal_those_computed_anew() -> None:
    """Patients have up to four lesions, some of both classes, and scores have ties."""
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 2, 80), rng.integers(0, 35, 80)
    scores = rng.integers(0, 12, (3, 2, 80)) / 12
    whole, left_out = left_out_aucs(labels, scores, patients)
    names = np.unique(patients)
    assert left_out.shape == (3, 2, len(names))
    for place in np.ndindex(3, 2):
        assert whole[place] == pytest.approx(auc(labels, scores[place]), abs=1e-12)
        for number, name in enumerate(names):
            kept = patients != name
            assert left_out[*place, number] == pytest.approx(auc(labels[kept], scores[place][kept]), abs=1e-12)


def test_a_class_of_one_patient_leaves_no_auc_without_that_patient() -> None:
    whole, left_out = left_out_aucs([1, 1, 0, 0], [0.9, 0.8, 0.1, 0.2], ["a", "a", "b", "c"])
    assert whole == 1
    assert np.isnan(left_out[0])
    assert left_out[1:].tolist() == [1, 1]


def test_one_class_has_no_auc() -> None:
    whole, left_out = left_out_aucs([0, 0], [[0.1, 0.2]], [1, 2])
    assert np.isnan(whole).all()
    assert np.isnan(left_out).all()


@pytest.mark.parametrize(
    ("labels", "scores", "patients"),
    [([0, 1], [0.1], [1, 2]), ([0, 2], [0.1, 0.2], [1, 2]), ([0, 1], [0.1, np.nan], [1, 2]), ([0, 1], [0, 1], [1])],
)
def test_wrong_input_is_an_error(labels: list[int], scores: list[float], patients: list[int]) -> None:
    with pytest.raises(ValueError, match=r"same lesions|not a finite number|patients for"):
        left_out_aucs(labels, scores, patients)
