"""Patient bootstrap: draws, coverage of the intervals, undefined cases, and weighted metrics equal plain ones."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from mammo.scoring import intervals
from mammo.scoring.intervals import (
    Tallies,
    auc_interval,
    aucs,
    average_precisions,
    briers,
    partial_aucs,
    rates_below,
    resample_weights,
    tallies,
    tnrs_at_fnr,
)
from mammo.scoring.metrics import average_precision, brier, partial_auc
from mammo.scoring.model_comparison import compare
from mammo.scoring.thresholds import rates_at, tnr_at_fnr


def cohort(
    seed: int, n: int = 80, patients: int = 25, levels: int = 6
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.str_]]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return labels, rng.integers(0, levels, n) + labels, np.array([f"P{i}" for i in rng.integers(0, patients, n)])


def test_patients_are_drawn_with_all_lesions_and_as_many_as_there_are() -> None:
    _, _, patients = cohort(0)
    weights = resample_weights(patients, 200, 1)
    names, first, index = np.unique(patients, return_index=True, return_inverse=True)
    assert (weights == weights[:, first][:, index]).all()  # all lesions of a patient have the same weight
    assert (weights[:, first].sum(axis=1) == names.size).all()


def test_pseudonyms_do_not_change_the_interval() -> None:
    labels, scores, patients = cohort(3)
    straight = auc_interval(labels, scores, patients)
    names = np.random.default_rng(0).permutation(np.unique(patients))
    renamed = names[np.unique(patients, return_inverse=True)[1]]
    assert straight == auc_interval(labels, scores, renamed)
    assert straight != auc_interval(labels, scores, patients, seed=1)


def correlated(seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """100 patients with four lesions of one class each; half of the noise is shared by a patient. AUC 0.7602."""
    rng = np.random.default_rng((9, seed))
    patients = np.repeat(np.arange(100), 4)
    labels = np.repeat(rng.permutation(100) % 2, 4)
    noise = (rng.normal(size=100)[patients] + rng.normal(size=400)) / np.sqrt(2)
    return labels, labels + noise, patients


def coverage(n_simulations: int, clustered: bool) -> float:
    """Share of 95 % intervals with the true AUC, Phi(1 / sqrt 2); lesions are drawn singly if not clustered."""
    truth, covered = norm.cdf(np.sqrt(0.5)), 0
    for seed in range(n_simulations):
        labels, scores, patients = correlated(seed)
        drawn = patients if clustered else np.arange(labels.size)
        interval = auc_interval(labels, scores, drawn, seed=seed, n_resamples=400)
        covered += interval.low <= truth <= interval.high
    return covered / n_simulations


def test_the_interval_covers_the_true_auc() -> None:
    assert 0.88 <= coverage(100, clustered=True) <= 1


@pytest.mark.slow
def test_drawing_patients_has_the_nominal_coverage_and_drawing_lesions_has_less() -> None:
    assert 0.93 <= coverage(1000, clustered=True) <= 0.97
    assert coverage(1000, clustered=False) < 0.85


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
    interval = auc_interval(labels, scores, patients)
    assert np.isnan([interval.value, interval.low, interval.high]).all()


def test_one_patient_has_an_auc_and_no_interval() -> None:
    labels, scores = [1, 0, 0], [0.8, 0.9, 0.1]
    found = auc_interval(labels, scores, ["p", "p", "p"])
    assert found.value == 0.5
    assert np.isnan([found.low, found.high]).all()
    paired = compare(labels, scores, [0.9, 0.8, 0.1], ["p", "p", "p"])
    assert paired.auc_difference.value == -0.5
    assert np.isnan([paired.auc_difference.low, paired.auc_difference.high, paired.p_bootstrap]).all()


@pytest.mark.parametrize(
    ("of_malignant", "of_benign", "exists"), [("aa", "bb", False), ("aa", "bc", False), ("ab", "cd", True)]
)
def test_an_interval_needs_two_patients_of_each_class(of_malignant: str, of_benign: str, exists: bool) -> None:
    patients = [*of_malignant, *of_benign]
    found = auc_interval([1, 1, 0, 0], [0.9, 0.3, 0.4, 0.2], patients)
    assert found.value == 0.75
    assert np.isfinite([found.low, found.high]).all() == exists
    paired = compare([1, 1, 0, 0], [0.9, 0.3, 0.4, 0.2], [0.9, 0.8, 0.4, 0.2], patients)
    assert np.isfinite([paired.auc_difference.low, paired.p_bootstrap]).all() == exists


def test_no_lesions_have_no_interval() -> None:
    assert np.isnan(auc_interval([], [], []).value)


def test_the_draws_do_not_depend_on_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, scores, patients = cohort(6)
    whole = auc_interval(labels, scores, patients, n_resamples=101)
    weights = resample_weights(patients, 101, 0)
    monkeypatch.setattr(intervals, "MAX_ELEMENTS", 7 * len(labels))
    assert auc_interval(labels, scores, patients, n_resamples=101) == whole
    assert (resample_weights(patients, 101, 0) == weights).all()


Weighted = Callable[[Tallies], np.ndarray]
Plain = Callable[[np.ndarray, np.ndarray], float]

PAIRS: dict[str, tuple[Weighted, Plain]] = {
    "auc": (aucs, roc_auc_score),
    "average precision": (average_precisions, average_precision_score),
    "brier": (briers, brier_score_loss),
    "partial auc": (partial_aucs, partial_auc),
    "partial auc from 0.5": (lambda t: partial_aucs(t, 0.5), lambda y, s: partial_auc(y, s, 0.5)),
    "rates: tnr": (lambda t: rates_below(t, 0.4)[1], lambda y, s: rates_at(y, s, 0.4).tnr),
    "rates: fnr": (lambda t: rates_below(t, 0.4)[0], lambda y, s: rates_at(y, s, 0.4).fnr),
    **{
        f"tnr at {fnr}": (lambda t, fnr=fnr: tnrs_at_fnr(t, fnr), lambda y, s, fnr=fnr: tnr_at_fnr(y, s, fnr))
        for fnr in (0, 0.05, 0.2, 1)
    },
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("levels", [2, 4, 10**6])
@pytest.mark.parametrize("n", [12, 80])
def test_weights_equal_repeated_lesions(name: str, levels: int, n: int) -> None:
    weighted, plain = PAIRS[name]
    rng = np.random.default_rng((n, levels))
    labels, scores = rng.integers(0, 2, n), rng.integers(0, levels + 1, n) / levels
    weights = resample_weights(rng.integers(0, n // 3, n), 40, 0)
    weights = weights[(weights @ labels > 0) & (weights @ (1 - labels) > 0)]
    expected = [plain(np.repeat(labels, w), np.repeat(scores, w)) for w in weights]
    np.testing.assert_allclose(weighted(tallies(labels, scores, weights)), expected, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in PAIRS if not name.startswith("rates")])
def test_resamples_of_one_class_are_undefined(name: str) -> None:
    weights = np.array([[1, 0, 0], [0, 1, 2], [1, 1, 0]])
    drawn = PAIRS[name][0](tallies(np.array([1, 0, 0]), np.array([0.9, 0.1, 0.2]), weights))
    assert np.isnan(drawn).tolist() == [True, True, False]


@pytest.mark.parametrize("metric", [average_precision, brier, partial_auc])
def test_no_lesion_is_undefined(metric: Plain) -> None:
    assert np.isnan(metric(np.empty(0), np.empty(0)))
    empty = tallies([], [], np.zeros((3, 0), dtype=np.int64))
    assert all(np.isnan(weighted(empty)).all() for weighted, _ in PAIRS.values())
