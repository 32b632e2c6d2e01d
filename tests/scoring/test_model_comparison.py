"""Paired comparisons: level of the p-values, agreement with DeLong's test, and paired intervals."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from mammo.scoring.intervals import auc_interval, resample_weights
from mammo.scoring.metrics import auc
from mammo.scoring.model_comparison import auc_covariance, bootstrap_p_value, compare, delong_interval, delong_p_value


def test_the_p_value_is_the_level_at_which_the_interval_touches_zero() -> None:
    drawn = np.random.default_rng(0).normal(0.5, 0.4, 3999)
    p = bootstrap_p_value(drawn)
    low, high = np.quantile(drawn, [p / 2, 1 - p / 2])
    assert min(abs(low), abs(high)) < 0.01
    assert bootstrap_p_value(-drawn) == pytest.approx(p)


@pytest.mark.parametrize(
    ("drawn", "p"), [([1.0] * 999, 2 / 1000), ([0.0] * 9, 1.0), ([np.nan, *[1.0] * 3], 0.5), ([np.nan], np.nan)]
)
def test_the_p_value_of_worked_examples(drawn: list[float], p: float) -> None:
    assert bootstrap_p_value(np.array(drawn)) == pytest.approx(p, nan_ok=True)


def test_the_comparison_agrees_with_its_parts_and_for_independent_lesions_with_delong() -> None:
    rng = np.random.default_rng(1)
    labels, patients = rng.integers(0, 2, 400), np.arange(400)
    local = labels + rng.normal(size=400)
    better = local + 0.25 * labels + 0.8 * rng.normal(size=400)
    found = compare(labels, better, local, patients)
    assert found.p_bootstrap == pytest.approx(found.p_delong, abs=0.05)
    turned = compare(labels, local, better, patients)
    assert turned.auc_difference.value == -found.auc_difference.value
    assert turned.p_bootstrap == pytest.approx(found.p_bootstrap)


def test_the_difference_of_a_score_from_itself_is_exactly_zero() -> None:
    rng = np.random.default_rng(4)
    labels, scores, patients = rng.integers(0, 2, 80), rng.integers(0, 6, 80), rng.integers(0, 25, 80)
    same = compare(labels, scores, scores * 2 + 1, patients).auc_difference
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_pairing_narrows_the_interval_of_the_difference() -> None:
    rng = np.random.default_rng(5)
    labels, patients = rng.integers(0, 2, 500), rng.integers(0, 200, 500)
    local = labels + rng.normal(size=500)
    better = local + 0.2 * labels
    paired = compare(labels, better, local, patients).auc_difference
    alone = auc_interval(labels, better, patients)
    assert paired.low > 0
    assert paired.high - paired.low < (alone.high - alone.low) / 3


def test_the_interval_equals_that_of_differences_counted_lesion_by_lesion() -> None:
    rng = np.random.default_rng(6)
    labels, patients = rng.integers(0, 2, 40), rng.integers(0, 15, 40)
    first, second = (labels + rng.integers(0, 5, 40) for _ in range(2))
    found = compare(labels, first, second, patients, seed=3, n_resamples=50)
    drawn = [np.repeat(np.arange(40), weights) for weights in resample_weights(patients, 50, 3)]
    differences = [auc(labels[rows], first[rows]) - auc(labels[rows], second[rows]) for rows in drawn]
    bounds = np.nanquantile(differences, [0.025, 0.975])
    assert [found.auc_difference.low, found.auc_difference.high] == pytest.approx(list(bounds))


def test_p_values_are_uniform_without_a_difference() -> None:
    p = []
    for seed in range(150):
        rng = np.random.default_rng((2, seed))
        labels = np.repeat(rng.permutation(40) % 2, 2)
        patients = np.repeat(np.arange(40), 2)
        shared = rng.normal(size=40)[patients]
        a, b = (labels + shared + rng.normal(size=80) for _ in range(2))
        p.append(compare(labels, a, b, patients, n_resamples=300).p_bootstrap)
    assert 0.01 <= np.mean(np.array(p) <= 0.1) <= 0.19


def test_one_class_is_undefined() -> None:
    found = compare([1, 1], [0.1, 0.2], [0.2, 0.1], ["p", "q"])
    assert np.isnan([found.auc_difference.value, found.auc_difference.low, found.p_bootstrap, found.p_delong]).all()


def covariance_by_definition(labels: NDArray[np.int64], vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equations 4 to 6 of the 1988 paper: structural components from every pair of lesions."""
    kernel = [np.array([[(x > y) + 0.5 * (x == y) for y in v[labels == 0]] for x in v[labels == 1]]) for v in vectors]
    m, n = kernel[0].shape
    total = np.zeros((len(kernel), len(kernel)))
    for i, a in enumerate(kernel):
        for j, b in enumerate(kernel):
            first = sum((a[p].mean() - a.mean()) * (b[p].mean() - b.mean()) for p in range(m)) / (m - 1)
            second = sum((a[:, q].mean() - a.mean()) * (b[:, q].mean() - b.mean()) for q in range(n)) / (n - 1)
            total[i, j] = first / m + second / n
    return total


@pytest.mark.parametrize(("n", "levels"), [(5, 3), (12, 4), (60, 5), (60, 10**6)])
def test_the_covariance_equals_its_definition(n: int, levels: int) -> None:
    rng = np.random.default_rng((n, levels))
    labels = rng.permutation([0, 0, 1, 1, *rng.integers(0, 2, n - 4)])
    vectors = (rng.integers(0, levels, (3, n)) + labels) / levels
    expected = covariance_by_definition(labels, vectors)
    np.testing.assert_allclose(auc_covariance(labels, list(vectors)), expected, atol=1e-14)
    variance = expected[0, 0] + expected[1, 1] - 2 * expected[0, 1]
    z = (auc(labels, vectors[0]) - auc(labels, vectors[1])) / np.sqrt(variance)
    assert delong_p_value(labels, vectors[0], vectors[1]) == pytest.approx(2 * norm.cdf(-abs(z)))


def test_the_interval_of_a_worked_example() -> None:
    """Malignant 0.8, 0.4, 0.6; benign 0.5, 0.3. Shares of benign below: 1, 1/2, 1; of malignant above: 2/3, 1.

    Their variances are 1/12 and 1/18; 1/12 / 3 + 1/18 / 2 = 1/18, so the standard error is 0.2357.
    """
    interval = delong_interval([1, 1, 1, 0, 0], [0.8, 0.4, 0.6, 0.5, 0.3])
    assert interval.value == pytest.approx(5 / 6)
    assert interval.low == pytest.approx(5 / 6 - 1.959964 * np.sqrt(1 / 18), abs=1e-6)
    assert interval.high == 1  # clipped


def test_the_p_value_is_symmetric_and_1_for_scores_in_the_same_order() -> None:
    rng = np.random.default_rng(0)
    labels, a, b = rng.integers(0, 2, 50), rng.random(50), rng.random(50)
    assert delong_p_value(labels, a, b) == pytest.approx(delong_p_value(labels, b, a))
    assert delong_p_value(labels, a, a * 0.5) == 1


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0], [1, 0, 0]])
def test_too_few_lesions_have_no_variance(labels: list[int]) -> None:
    interval = delong_interval(labels, [0.3, 0.2, 0.1])
    assert np.isnan([interval.low, interval.high]).all()
    assert np.isnan(delong_p_value(labels, [0.3, 0.2, 0.4], [0.1, 0.2, 0.3]))


def test_a_difference_without_variance_has_no_p_value() -> None:
    assert np.isnan(delong_p_value([1, 1, 0, 0], [4, 3, 2, 1], [1, 2, 3, 4]))
