"""Calibrations against scikit-learn, and properties of probabilities and prevalences."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from mammo.records import Floats, MammoError
from mammo.scoring.calibration import Calibration, fit_calibration
from mammo.scoring.metrics import Bools


def lesions(n: int, slope: float = 1.0, seed: int = 0) -> tuple[Bools, Floats]:
    """Labels and scores whose true probability is expit(slope * logit(score) - 1)."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(2, 3, n)
    return rng.random(n) < expit(slope * logit(scores) - 1), scores


def test_logistic_rule_recovers_the_truth_and_is_that_of_scikit_learn() -> None:
    labels, scores = lesions(20_000, slope=2.0)
    found = fit_calibration(labels, scores, np.arange(len(labels)))
    assert found.rule == "logistic", "the truth is logistic"
    ((slope, intercept),) = found.knots
    assert (slope, intercept) == pytest.approx((2.0, -1.0), abs=0.1)
    reference = LogisticRegression(C=np.inf).fit(logit(scores)[:, None], labels)
    assert (slope, intercept) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), abs=2e-3)
    truth = expit(2 * logit(scores) - 1)
    assert np.abs(found.probability(scores) - truth).max() < 0.03
    assert found.probability(scores).mean() == pytest.approx(labels.mean(), abs=1e-3)


def test_isotonic_rule_is_that_of_scikit_learn_and_is_chosen_where_it_is_better() -> None:
    rng = np.random.default_rng(1)
    scores = np.round(rng.random(3000), 2)
    labels = rng.random(3000) < np.where(scores < 0.5, 0.05, np.where(scores < 0.8, 0.4, 0.45))
    found = fit_calibration(labels, scores, np.arange(3000))
    assert found.rule == "isotonic"
    assert found.brier["isotonic"] < found.brier["logistic"]
    reference = IsotonicRegression(out_of_bounds="clip").fit(scores, labels)
    between = rng.random(500)
    low, high = 1 / 3002, 3001 / 3002
    for values in (scores, between):
        assert found.probability(values) == pytest.approx(np.clip(reference.predict(values), low, high), abs=1e-9)


def test_probabilities_keep_the_order_and_are_never_certain() -> None:
    labels, scores = np.array([0] * 30 + [1] * 10), np.linspace(0, 1, 40)
    values = np.linspace(0, 1, 1001)
    for rule in ("logistic", "isotonic"):
        found = fit_calibration(labels, scores, np.arange(40))
        one = Calibration(rule, found.knots, 0.25, 40, {}) if found.rule == rule else found
        probability = one.probability(values)
        assert (np.diff(probability) >= 0).all()
        assert ((probability > 0) & (probability < 1)).all()
        assert np.isfinite(one.knots).all()


def test_another_prevalence_is_bayes_rule() -> None:
    labels, scores = lesions(500)
    found = fit_calibration(labels, scores, np.arange(500))
    p = found.probability(scores)
    likelihood_ratio = (p / (1 - p)) / (found.prevalence / (1 - found.prevalence))
    for prevalence in (0.01, 0.3):
        odds = likelihood_ratio * prevalence / (1 - prevalence)
        assert found.probability(scores, prevalence) == pytest.approx(odds / (1 + odds), rel=1e-9)
    assert found.probability(scores, found.prevalence) == pytest.approx(p, rel=1e-12)


def test_patients_stay_together_in_the_cross_validation() -> None:
    labels, scores = lesions(60)
    one_patient = fit_calibration(labels, scores, np.zeros(60))
    assert one_patient.brier == {}
    assert "too few" in one_patient.reason()
    copies = fit_calibration(np.tile(labels, 5), np.tile(scores, 5), np.tile(np.arange(60), 5))
    single = fit_calibration(labels, scores, np.arange(60))
    assert copies.brier["isotonic"] == pytest.approx(single.brier["isotonic"], abs=5e-3), "copies add nothing"
    assert f"{single.brier[single.rule]:.4f}" in single.reason()


def test_one_class_is_an_error() -> None:
    with pytest.raises(MammoError, match="no malignant lesion"):
        fit_calibration([0, 0], [0.1, 0.2], [1, 2])
