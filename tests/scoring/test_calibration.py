"""Calibration curves against scikit-learn's, bins with ties, and bootstrap bounds."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve as reference

from mammo.scoring.calibration import calibration_curve
from mammo.scoring.intervals import resample_weights


@pytest.mark.parametrize("n", [3, 50, 600])
def test_the_curve_equals_scikit_learns_if_no_score_is_at_an_edge(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = rng.random(n)
    labels = (rng.random(n) < scores).astype(int)
    found = calibration_curve(labels, scores, range(n), n_bins=7)
    share, mean = reference(labels, scores, n_bins=7, strategy="quantile")
    np.testing.assert_allclose(found.mean_score, mean)
    np.testing.assert_allclose(found.malignant_share, share)
    assert found.n.sum() == n


def test_tied_scores_share_a_bin_and_no_lesion_is_lost() -> None:
    labels, scores = [0, 1, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.2, 0.2, 0.9]
    found = calibration_curve(labels, scores, range(6))
    assert found.mean_score.tolist() == pytest.approx([0.2, 0.9])
    assert found.malignant_share.tolist() == pytest.approx([3 / 5, 1])
    assert found.n.tolist() == [5, 1]


def test_bounds_equal_those_counted_lesion_by_lesion_in_fixed_bins() -> None:
    rng = np.random.default_rng(1)
    scores, patients = rng.random(60), rng.integers(0, 20, 60)
    labels = (rng.random(60) < scores).astype(int)
    found = calibration_curve(labels, scores, patients, n_bins=4, seed=5, n_resamples=80)
    inside = np.digitize(scores, np.quantile(scores, [0.25, 0.5, 0.75]), right=True)
    for number in range(4):
        shares = []
        for weights in resample_weights(patients, 80, 5):
            rows = [row for row in np.repeat(np.arange(60), weights) if inside[row] == number]
            shares.append(np.mean(labels[rows]) if rows else np.nan)
        assert [found.low[number], found.high[number]] == pytest.approx(list(np.nanquantile(shares, [0.025, 0.975])))


def test_no_lesion_gives_no_bins_and_invalid_scores_are_rejected() -> None:
    assert calibration_curve([], [], []).n.size == 0
    with pytest.raises(ValueError, match="outside"):
        calibration_curve([0, 1], [0.1, 1.1], [0, 1])
