"""Comparison of two models on the same lesions: difference of AUCs, its interval, and two tests of equal AUCs.

The two scores of a lesion are not independent, so the difference is computed within each resample (paired).
"""

from dataclasses import dataclass

from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.delong import delong_p_value
from mammo.scoring.intervals import N_RESAMPLES, Interval, bootstrap, percentile_interval, usable
from mammo.scoring.metrics import auc
from mammo.scoring.weighted_metrics import Weights, aucs, tallies


@dataclass(frozen=True)
class Comparison:
    """A paired comparison; undefined values are NaN.

    Attributes:
        auc_difference: AUC of the first minus AUC of the second, with its paired patient-bootstrap interval.
        p_bootstrap: two-sided, from the same resamples (bootstrap_p_value).
        p_delong: two-sided, for independent lesions (delong.delong_p_value).
    """

    auc_difference: Interval
    p_bootstrap: float
    p_delong: float


def compare(
    malignant: ArrayLike,
    scores: ArrayLike,
    baseline: ArrayLike,
    patients: ArrayLike,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Comparison:
    """Compare scores [N] with baseline [N] on lesions of labels [N] in {0, 1} and patients [N]."""

    def gains(weights: Weights) -> Floats:
        """Difference of the AUCs, [R], in resamples of these weights [R, N]."""
        return aucs(tallies(malignant, scores, weights)) - aucs(tallies(malignant, baseline, weights))

    drawn = bootstrap(gains, patients, seed, n_resamples)
    difference = percentile_interval(auc(malignant, scores) - auc(malignant, baseline), drawn)
    return Comparison(difference, bootstrap_p_value(drawn), delong_p_value(malignant, scores, baseline))


def bootstrap_p_value(differences: Floats) -> float:
    """Two-sided p-value for no difference, by inversion of the percentile interval.

    It is twice the smaller share of resamples [R] on one side of 0. One is added to numerator and denominator, so that
    the p-value is at least 2 / (R + 1). A resample at 0 counts on both sides; those without a value are left out.

    Returns:
        In (0, 1]; NaN if too few resamples have a value.
    """
    drawn = usable(differences)
    if drawn.size == 0:
        return float("nan")
    fewer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return float(min(1.0, 2 * (fewer + 1) / (drawn.size + 1)))
