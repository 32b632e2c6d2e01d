"""The bootstrap benchmark: both ways give the same interval, and its object is complete."""

import numpy as np
import pytest

from mammo.benchmarks.bootstrap_speed import drawn, looped, measure
from mammo.scoring.intervals import N_RESAMPLES, auc_interval


def test_the_loop_gives_our_interval() -> None:
    rng = np.random.default_rng(0)
    malignant, patients = rng.integers(0, 2, 120), rng.integers(0, 60, 120)
    scores = malignant + rng.normal(size=120)
    ours = auc_interval(malignant, scores, patients)
    assert looped(malignant, scores, patients, 400) == pytest.approx((ours.low, ours.high), abs=0.015)


def test_the_draws_are_as_many_as_there_are_patients() -> None:
    counts = drawn(np.array([3, 3, 5, 9]))
    assert counts.shape == (N_RESAMPLES, 3)
    assert (counts.sum(axis=1) == 3).all()


def test_it_tells_the_whole_measurement() -> None:
    told = measure(1)
    assert told["benchmark"] == "evaluate"
    assert set(told["ratios"]) == {"scikit-learn loop"}
    assert told["limit_ratio"] > 0
