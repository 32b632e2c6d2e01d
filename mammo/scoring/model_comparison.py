"""Two models on the same lesions: the difference of their AUCs, its interval, and two tests of there being none.

Two scores of one lesion are not independent, so the difference is taken inside each resample (paired).
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
    """A paired comparison; NaN what is undefined.

    Attributes:
        auc_difference: AUC of the first minus AUC of the second, with its paired patient-bootstrap interval.
        p_bootstrap: two-sided, from the same resamples (bootstrap_p_value).
        p_delong: two-sided, lesions taken for independent (delong.delong_p_value).
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
    """Compare scores [N] with baseline [N] on lesions of these labels [N] and patients [N]."""

    def gains(weights: Weights) -> Floats:
        return aucs(tallies(malignant, scores, weights)) - aucs(tallies(malignant, baseline, weights))

    drawn = bootstrap(gains, patients, seed, n_resamples)
    difference = percentile_interval(auc(malignant, scores) - auc(malignant, baseline), drawn)
    return Comparison(difference, bootstrap_p_value(drawn), delong_p_value(malignant, scores, baseline))


def bootstrap_p_value(differences: Floats) -> float:
    """Two-sided p-value of no difference: the interval of which level would just touch 0 (interval inversion).

    Twice the smaller share of resamples [R] on either side of 0, one added to both counts so that R resamples never
    claim more than 2 / (R + 1); a resample at 0 counts on both sides. Resamples without a value are left out; NaN
    where too few have one.
    """
    drawn = usable(differences)
    if drawn.size == 0:
        return float("nan")
    fewer = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return float(min(1.0, 2 * (fewer + 1) / (drawn.size + 1)))
