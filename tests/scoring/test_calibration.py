"""Calibration against scikit-learn's curve, and bins under ties."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve as reference

from mammo.scoring.calibration import calibration_curve


@pytest.mark.parametrize("n", [3, 50, 600])
def test_the_curve_is_scikit_learns_where_no_score_meets_an_edge(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = rng.random(n)
    labels = (rng.random(n) < scores).astype(int)
    found = calibration_curve(labels, scores, n_bins=7)
    share, mean = reference(labels, scores, n_bins=7, strategy="quantile")
    np.testing.assert_allclose(found.mean_score, mean)
    np.testing.assert_allclose(found.malignant_share, share)
    assert found.n.sum() == n


def test_tied_scores_share_a_bin_and_no_lesion_is_lost() -> None:
    labels, scores = [0, 1, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.2, 0.2, 0.9]
    found = calibration_curve(labels, scores)
    assert found.mean_score.tolist() == pytest.approx([0.2, 0.9])
    assert found.malignant_share.tolist() == pytest.approx([3 / 5, 1])
    assert found.n.tolist() == [5, 1]


def test_no_lesion_no_bins_and_wrong_scores_are_refused() -> None:
    assert calibration_curve([], []).n.size == 0
    with pytest.raises(ValueError, match="outside"):
        calibration_curve([0, 1], [0.1, 1.1])
