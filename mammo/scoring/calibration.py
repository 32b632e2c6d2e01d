"""Calibration: from the score of a lesion to a probability of malignancy, fitted on validation lesions.

Two rules are fitted, logistic (Platt 1999) on the logit of the score and isotonic (Zadrozny and Elkan 2002), and the
one with the lower Brier score in cross-validation by patient is kept. Neither changes the order of two scores, except
that isotonic calibration makes ties. The probability holds for the share of malignant lesions that was seen; another
prevalence moves its odds by the ratio of the odds of the two prevalences (Bayes' rule).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression, minimize
from scipy.special import expit, logit

from mammo.records import Floats, Ints, MammoError
from mammo.scoring.metrics import Bools, checked_probabilities, why_undefined

Rule = Literal["logistic", "isotonic"]
RULES: tuple[Rule, Rule] = ("logistic", "isotonic")

SMALLEST = 1e-6
"""Scores are kept this far from 0 and 1, where the logit is infinite."""

N_PARTS = 5
"""Parts of the patients in the cross-validation."""


@dataclass(frozen=True)
class Calibration:
    """A fitted rule.

    Attributes:
        rule: logistic or isotonic.
        knots: of the logistic rule one pair, (slope, intercept) on the logit of the score; of the isotonic rule pairs
            (score, probability), ascending, with straight lines between them.
        prevalence: share of malignant lesions among those that it was fitted on, in (0, 1).
        n: number of these lesions.
        brier: Brier score of each rule in cross-validation by patient; empty where the lesions are too few.
    """

    rule: Rule
    knots: tuple[tuple[float, float], ...]
    prevalence: float
    n: int
    brier: Mapping[str, float]

    def probability(self, scores: ArrayLike, prevalence: float | None = None) -> Floats:
        """The probability of malignancy of scores.

        Args:
            scores: [N] in [0, 1].
            prevalence: share of malignant lesions among those that are scored, in (0, 1); None for that of the fit.

        Returns:
            [N] in (0, 1).
        """
        values, knots = np.asarray(scores, dtype=np.float64), np.array(self.knots)
        if self.rule == "logistic":
            found = expit(knots[0, 0] * _logit(values) + knots[0, 1])
        else:
            found = np.interp(values, knots[:, 0], knots[:, 1])
        found = np.clip(found, *_bounds(self.n))
        if prevalence is None:
            return np.asarray(found)
        return np.asarray(expit(logit(found) + logit(prevalence) - logit(self.prevalence)))

    def reason(self) -> str:
        """Why this rule was chosen, in one sentence."""
        if not self.brier:
            return f"{self.rule}: the validation lesions are too few to compare it with the other rule"
        other = next(rule for rule in RULES if rule != self.rule)
        return (
            f"{self.rule}: its Brier score in {N_PARTS}-fold cross-validation by patient is {self.brier[self.rule]:.4f}"
            f", that of the {other} rule {self.brier[other]:.4f}"
        )


def fit_calibration(malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike) -> Calibration:
    """Fit both rules and keep the one that predicts patients it has not seen better; logistic where they are equal.

    Args:
        malignant: [N] in {0, 1}.
        scores: [N] in [0, 1].
        patients: [N], each lesion's patient.

    Raises:
        MammoError: a class is missing.
        ValueError: as metrics.checked_probabilities.
    """
    labels, values = checked_probabilities(malignant, scores)
    if reason := why_undefined(labels):
        raise MammoError(f"a calibration needs malignant and benign validation lesions, but there is {reason}")
    briers = _cross_validated(labels, values, _parts(patients))
    rule = min(RULES, key=lambda rule: briers[rule]) if briers else RULES[0]
    return Calibration(rule, _fit(rule, labels, values), float(labels.mean()), len(labels), briers)


def _cross_validated(labels: Bools, scores: Floats, part: Ints) -> dict[str, float]:
    """Brier score of each rule on the parts that it was not fitted on; empty where a fit would lack a class."""
    parts = np.unique(part)
    if len(parts) < 2 or any(why_undefined(labels[part != one]) for one in parts):
        return {}
    found: dict[str, float] = {}
    for rule in RULES:
        predicted = np.empty(len(scores))
        for one in parts:
            seen, unseen = part != one, part == one
            fitted = Calibration(rule, _fit(rule, labels[seen], scores[seen]), 0.5, int(seen.sum()), {})
            predicted[unseen] = fitted.probability(scores[unseen])
        found[rule] = float(((predicted - labels) ** 2).mean())
    return found


def _parts(patients: ArrayLike) -> Ints:
    """The part [N] of each lesion, so that a patient's lesions are in one; by the order in which patients appear."""
    _, first, index = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    shuffled = np.random.default_rng(len(rank)).permutation(len(rank))
    return np.asarray(shuffled[rank][index] % N_PARTS, dtype=np.int64)


def _fit(rule: Rule, labels: Bools, scores: Floats) -> tuple[tuple[float, float], ...]:
    return _fit_logistic(labels, scores) if rule == "logistic" else _fit_isotonic(labels, scores)


def _fit_logistic(labels: Bools, scores: Floats) -> tuple[tuple[float, float], ...]:
    """Slope and intercept of the largest likelihood; Platt's targets keep them finite where the classes separate."""
    n_malignant, x = int(labels.sum()), _logit(scores)
    target = np.where(labels, (n_malignant + 1) / (n_malignant + 2), 1 / (len(labels) - n_malignant + 2))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        """Cross-entropy, and its gradient [2]."""
        z = parameters[0] * x + parameters[1]
        error = expit(z) - target
        return float((np.logaddexp(0, z) - target * z).sum()), np.array([(error * x).sum(), error.sum()])

    prevalence = float(target.mean())
    found = minimize(loss, np.array([1.0, logit(prevalence)]), jac=True, bounds=[(0.0, None), (None, None)])
    return ((float(found.x[0]), float(found.x[1])),)


def _fit_isotonic(labels: Bools, scores: Floats) -> tuple[tuple[float, float], ...]:
    distinct, index, count = np.unique(scores, return_inverse=True, return_counts=True)
    share = np.bincount(index, weights=labels) / count
    fitted = isotonic_regression(share, weights=count.astype(np.float64)).x
    ends = np.flatnonzero(np.diff(fitted))  # only the ends of each step matter
    kept: Sequence[int] = sorted({0, len(fitted) - 1, *ends.tolist(), *(ends + 1).tolist()})
    return tuple((float(distinct[number]), float(fitted[number])) for number in kept)


def _logit(scores: Floats) -> Floats:
    return np.asarray(logit(np.clip(scores, SMALLEST, 1 - SMALLEST)))


def _bounds(n: int) -> tuple[float, float]:
    """The smallest and largest probability that n lesions can support (Laplace): none of them is impossible."""
    return 1 / (n + 2), (n + 1) / (n + 2)
