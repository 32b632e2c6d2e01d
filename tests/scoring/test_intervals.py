import time

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.scoring.intervals import (
    auc_difference_interval,
    auc_interval,
    resample_weights,
    tnr_interval,
    weighted_aucs,
    weighted_tnrs,
)
from mammo.scoring.metrics import auc, tnr_at_fnr


def cohort(
    seed: int, n: int = 80, patients: int = 25, levels: int = 6
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return labels, rng.integers(0, levels, n) + labels, np.array([f"P{i}" for i in rng.integers(0, patients, n)])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [3, 10**6])
def test_weighted_metrics_equal_a_plain_loop_over_the_same_resamples(seed: int, levels: int) -> None:
    labels, scores, patients = cohort(seed, levels=levels)
    weights = resample_weights(patients, 60, seed)
    aucs = [auc(np.repeat(labels, w), np.repeat(scores, w)) for w in weights]
    np.testing.assert_allclose(weighted_aucs(labels, scores, weights), aucs, atol=1e-13)
    for fnr in (0, 0.05, 0.2, 1):
        tnrs = [tnr_at_fnr(np.repeat(labels, w), np.repeat(scores, w), fnr) for w in weights]
        np.testing.assert_allclose(weighted_tnrs(labels, scores, weights, fnr), tnrs, atol=1e-13)


def test_resamples_of_one_class_are_undefined() -> None:
    labels, scores = np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2])
    weights = np.array([[1, 0, 0], [0, 1, 2], [1, 1, 0]])
    assert np.isnan(weighted_aucs(labels, scores, weights)).tolist() == [True, True, False]
    assert np.isnan(weighted_tnrs(labels, scores, weights, 0.0)).tolist() == [True, True, False]


def test_patients_are_drawn_whole_and_as_many_as_there_are() -> None:
    _, _, patients = cohort(0)
    weights = resample_weights(patients, 200, 1)
    names, first, index = np.unique(patients, return_index=True, return_inverse=True)
    assert (weights == weights[:, first][:, index]).all()  # all lesions of a patient alike
    assert (weights[:, first].sum(axis=1) == names.size).all()


def test_pseudonyms_do_not_change_the_interval() -> None:
    labels, scores, patients = cohort(3)
    straight = auc_interval(labels, scores, patients)
    names = np.random.default_rng(0).permutation(np.unique(patients))
    renamed = names[np.unique(patients, return_inverse=True)[1]]
    assert straight == auc_interval(labels, scores, renamed)
    assert straight != auc_interval(labels, scores, patients, seed=1)


def test_difference_of_a_score_with_itself_is_exactly_zero() -> None:
    labels, scores, patients = cohort(4)
    same = auc_difference_interval(labels, scores, scores * 2 + 1, patients)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_pairing_narrows_the_difference() -> None:
    rng = np.random.default_rng(5)
    labels, patients = rng.integers(0, 2, 500), rng.integers(0, 200, 500)
    local = labels + rng.normal(size=500)
    better = local + 0.2 * labels
    paired = auc_difference_interval(labels, better, local, patients)
    alone = auc_interval(labels, better, patients)
    assert paired.low > 0
    assert paired.high - paired.low < (alone.high - alone.low) / 3


def test_interval_covers_the_true_auc() -> None:
    """Normal scores one deviation apart have AUC Phi(1 / sqrt 2) = 0.7602; two lesions a patient share half of it."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng((9, seed))
        patients = np.repeat(np.arange(120), 2)
        labels = np.repeat(rng.integers(0, 2, 120), 2)
        noise = (rng.normal(size=120)[patients] + rng.normal(size=240)) / np.sqrt(2)
        interval = auc_interval(labels, labels + noise, patients, n_resamples=300)
        covered += interval.low <= 0.7602 <= interval.high
    assert 88 <= covered <= 100


def test_clusters_widen_the_interval() -> None:
    rng = np.random.default_rng(11)
    labels, scores = rng.integers(0, 2, 150), rng.normal(size=150)
    patients = np.arange(150)
    four = [np.repeat(x, 4) for x in (labels, labels + scores, patients)]
    whole, loose = auc_interval(*four), auc_interval(four[0], four[1], np.arange(600))
    assert whole.high - whole.low > 1.6 * (loose.high - loose.low)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_interval(label: int) -> None:
    labels, scores, patients = [label] * 4, [0.1, 0.2, 0.3, 0.4], list("abcd")
    for interval in (
        auc_interval(labels, scores, patients),
        auc_difference_interval(labels, scores, scores, patients),
        tnr_interval(labels, scores, patients, 0.02),
    ):
        assert np.isnan([interval.value, interval.low, interval.high]).all()


def test_no_lesions_have_no_interval() -> None:
    assert np.isnan(auc_interval([], [], []).value)


def test_two_thousand_resamples_of_a_thousand_lesions_in_a_second() -> None:
    labels, scores, patients = cohort(6, n=1000, patients=400, levels=10**6)
    started = time.process_time()
    auc_interval(labels, scores, patients)
    assert time.process_time() - started < 1
