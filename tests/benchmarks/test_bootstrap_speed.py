"""The bootstrap benchmark: both methods give the same interval, and the result is complete."""

import numpy as np
import pytest

from mammo.benchmarks.bootstrap_speed import loop_interval, measure, patient_counts
from mammo.scoring.intervals import N_RESAMPLES, auc_interval


def test_the_loop_gives_the_same_interval() -> None:
    rng = np.random.default_rng(0)
    malignant, patients = rng.integers(0, 2, 120), rng.integers(0, 60, 120)
    scores = malignant + rng.normal(size=120)
    ours = auc_interval(malignant, scores, patients)
    assert loop_interval(malignant, scores, patients, 400) == pytest.approx((ours.low, ours.high), abs=0.015)


def test_each_resample_has_as_many_draws_as_patients() -> None:
    counts = patient_counts(np.array([3, 3, 5, 9]))
    assert counts.shape == (N_RESAMPLES, 3)
    assert (counts.sum(axis=1) == 3).all()


def test_the_result_is_complete() -> None:
    result = measure(1)
    assert result["benchmark"] == "evaluate"
    assert set(result["ratios"]) == {"scikit-learn loop"}
    assert result["limit_ratio"] > 0
