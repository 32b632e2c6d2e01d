"""DeLong's variance and test against the definition, pair by pair, and a worked example."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from mammo.scoring.delong import auc_covariance, delong_interval, delong_p_value
from mammo.scoring.metrics import auc


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
