"""Obuchowski-Rockette: a published example, brute force, and its level in simulated studies without a difference."""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.scoring.metrics import auc
from mammo.scoring.reader_comparison import ErrorCovariances, compare_readers, reader_comparison


def test_the_published_analysis_of_van_dyke() -> None:
    """Published by OR-DBM MRMC 2.51: 2 treatments, 5 readers, 69 normal and 45 abnormal cases, jackknife."""
    aucs = [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
    published = ErrorCovariances(
        *map(np.array, (0.00080229, 0.00034661, 0.00034407, 0.00023903, [0.00048396, 0.00020419]))
    )
    found = reader_comparison(np.array(aucs), published)
    one = found.difference
    assert [one.value, one.error, one.low, one.high] == pytest.approx([-0.04380, 0.02075, -0.08796, 0.00036], abs=5e-6)
    assert one.df == pytest.approx(15.26, abs=0.005)
    assert found.f == pytest.approx(4.46, abs=0.005)
    assert found.p == pytest.approx(0.0517, abs=5e-5)
    assert [mean.value for mean in found.means] == pytest.approx([0.89703704, 0.94083736], abs=1e-8)
    assert [mean.error for mean in found.means] == pytest.approx([0.03317360, 0.02156637], abs=1e-6)
    assert [mean.df for mean in found.means] == pytest.approx([12.74, 12.71], abs=0.01)
    assert [found.means[0].low, found.means[0].high] == pytest.approx([0.82522360, 0.96885048], abs=1e-5)


def test_covariances_equal_a_jackknife_by_brute_force() -> None:
    rng = np.random.default_rng(3)
    n_readers, n = 3, 60
    labels, patients = rng.integers(0, 2, n), rng.integers(0, 40, n)
    scores = np.round(labels + rng.normal(size=(2, n_readers, n)), 1)
    names = np.unique(patients)
    without = {
        (i, j): np.array([auc(labels[patients != p], scores[i, j][patients != p]) for p in names])
        for i, j in product((0, 1), range(n_readers))
    }

    def covariance(one: tuple[int, int], other: tuple[int, int]) -> float:
        a, b = without[one], without[other]
        return float((len(names) - 1) / len(names) * ((a - a.mean()) * (b - b.mean())).sum())

    pairs = list(product(without, without))
    expected = {
        "variance": [covariance(a, b) for a, b in pairs if a == b],
        "same_reader": [covariance(a, b) for a, b in pairs if a[1] == b[1] and a[0] != b[0]],
        "same_condition": [covariance(a, b) for a, b in pairs if a[0] == b[0] and a[1] != b[1]],
        "neither": [covariance(a, b) for a, b in pairs if a[0] != b[0] and a[1] != b[1]],
    }
    found = compare_readers(labels, scores, patients)
    for name, values in expected.items():
        assert getattr(found.covariances, name) == pytest.approx(np.mean(values), abs=1e-10), name
    assert found.covariances.by_condition.mean() == pytest.approx(found.covariances.same_condition, abs=1e-10)
    assert found.aucs[1, 2] == pytest.approx(auc(labels, scores[1, 2]), abs=1e-12)


def ratings(rng: np.random.Generator, n_studies: int, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ratings [S, 2, 5, N] of readers and cases that vary, without a difference of conditions (Roe and Metz 1997)."""
    shape = (n_studies, 2, 5, labels.size)
    found = 1.5 * labels + np.zeros(shape)
    parts = {"case": (0, 3), "condition, case": (0, 1, 3), "reader, case": (0, 2, 3), "all": (0, 1, 2, 3)}
    for variance, axes in zip((0.3, 0.2, 0.2, 0.3), parts.values(), strict=True):
        found += np.sqrt(variance) * rng.normal(size=[n if axis in axes else 1 for axis, n in enumerate(shape)])
    for variance, axes in ((0.03, (0, 2)), (0.03, (0, 1, 2))):  # readers rate malignant lesions higher or lower
        shift = rng.normal(size=[n if axis in axes else 1 for axis, n in enumerate(shape)])
        found += np.sqrt(variance) * labels * shift
    return found


def test_one_thousand_studies_without_a_difference_reject_at_the_level() -> None:
    labels = np.repeat([0, 1], 50)
    found = compare_readers(labels, ratings(np.random.default_rng(4), 1000, labels), np.arange(labels.size))
    assert 0.03 <= (found.p < 0.05).mean() <= 0.07
    covered = (found.difference.low <= 0) & (found.difference.high >= 0)
    assert np.array_equal(covered, found.p >= 0.05)
    true_auc = np.mean(found.means[0].value)
    within = (found.means[0].low <= true_auc) & (true_auc <= found.means[0].high)
    assert 0.91 <= within.mean() <= 0.97  # AUCs are skewed


def test_equal_conditions_have_no_difference_and_no_p_value() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 50)
    one = labels + rng.normal(size=(3, 50))
    found = compare_readers(labels, np.stack([one, one]), np.arange(50))
    assert found.difference.value == 0
    assert np.isnan(found.p)
    with pytest.raises(ValueError, match="at least two readers"):
        compare_readers(labels, np.stack([one[:1], one[:1]]), np.arange(50))
