"""Net benefit against its definition, counted lesion by lesion, and for perfect and undefined cases."""

import numpy as np
import pytest

from mammo.scoring.decision_curve import decision_curve
from mammo.scoring.intervals import resample_weights


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


def test_bounds_equal_those_of_the_curves_of_each_resample() -> None:
    rng = np.random.default_rng(2)
    labels, scores, patients = rng.integers(0, 2, 40), rng.random(40), rng.integers(0, 12, 40)
    chances = [0.1, 0.4]
    found = decision_curve(labels, scores, patients, chances, seed=4, n_resamples=50)
    drawn = [np.repeat(np.arange(40), weights) for weights in resample_weights(patients, 50, 4)]
    curves = [decision_curve(labels[rows], scores[rows], patients[rows], chances, n_resamples=1) for rows in drawn]
    bounds = np.quantile([curve.model for curve in curves], [0.025, 0.975], axis=0)
    np.testing.assert_allclose([found.low, found.high], bounds)


def test_one_class_is_undefined_and_invalid_input_is_rejected() -> None:
    assert np.isnan(decision_curve([1, 1], [0.2, 0.3], [0, 1]).model).all()
    with pytest.raises(ValueError, match=r"threshold probability 0\.0 is outside"):
        decision_curve([0, 1], [0.2, 0.3], [0, 1], [0.0])
    with pytest.raises(ValueError, match="outside"):
        decision_curve([0, 1], [0.2, 3.0], [0, 1])
