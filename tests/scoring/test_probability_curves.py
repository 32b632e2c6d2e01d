"""Calibration curve against scikit-learn's, decision curve against its definition, and bootstrap bounds of both."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve as reference

from mammo.scoring.intervals import resample_weights
from mammo.scoring.probability_curves import calibration_curve, decision_curve


@pytest.mark.parametrize("n", [3, 50, 600])
def test_the_calibration_curve_equals_scikit_learns_if_no_score_is_at_an_edge(n: int) -> None:
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


def test_calibration_bounds_equal_those_counted_lesion_by_lesion_in_fixed_bins() -> None:
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


@pytest.mark.parametrize("levels", [4, 10**6])
def test_net_benefit_equals_its_definition(levels: int) -> None:
    rng = np.random.default_rng(levels)
    labels, scores = rng.integers(0, 2, 90), rng.integers(0, levels + 1, 90) / levels
    chances = [0.05, 0.25, 0.5, 0.75]
    found = decision_curve(labels, scores, range(90), chances)
    for chance, net_benefit in zip(chances, found.model, strict=True):
        caught = sum(s >= chance for s, y in zip(scores, labels, strict=True) if y)
        needless = sum(s >= chance for s, y in zip(scores, labels, strict=True) if not y)
        assert net_benefit == pytest.approx((caught - needless * chance / (1 - chance)) / 90)
    np.testing.assert_allclose(found.biopsy_all, decision_curve(labels, np.ones(90), range(90), chances).model)


def test_a_perfect_model_has_the_share_of_malignant_lesions_as_net_benefit() -> None:
    found = decision_curve([1, 0, 0, 0], [1.0, 0.0, 0.0, 0.0], range(4), [0.1, 0.9])
    assert found.model.tolist() == [0.25, 0.25]


def test_decision_bounds_equal_those_of_the_curves_of_each_resample() -> None:
    rng = np.random.default_rng(2)
    labels, scores, patients = rng.integers(0, 2, 40), rng.random(40), rng.integers(0, 12, 40)
    chances = [0.1, 0.4]
    found = decision_curve(labels, scores, patients, chances, seed=4, n_resamples=50)
    drawn = [np.repeat(np.arange(40), weights) for weights in resample_weights(patients, 50, 4)]
    curves = [decision_curve(labels[rows], scores[rows], patients[rows], chances, n_resamples=1) for rows in drawn]
    bounds = np.quantile([curve.model for curve in curves], [0.025, 0.975], axis=0)
    np.testing.assert_allclose([found.low, found.high], bounds)


def test_the_net_benefit_of_one_class_is_undefined_and_invalid_input_is_rejected() -> None:
    assert np.isnan(decision_curve([1, 1], [0.2, 0.3], [0, 1]).model).all()
    with pytest.raises(ValueError, match=r"threshold probability 0\.0 is outside"):
        decision_curve([0, 1], [0.2, 0.3], [0, 1], [0.0])
    with pytest.raises(ValueError, match="outside"):
        decision_curve([0, 1], [0.2, 3.0], [0, 1])
