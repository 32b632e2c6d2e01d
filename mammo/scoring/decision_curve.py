"""Decision curve: what acting on a score is worth (Vickers and Elkin 2006, Medical Decision Making 26:565).

Whoever would biopsy from a chance of malignancy p upwards says that p / (1 - p) needless biopsies weigh as much as one
missed malignancy. Net benefit counts caught malignancies less needless biopsies at that price, per lesion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.records import Floats
from mammo.scoring.intervals import N_RESAMPLES, bootstrap, percentile_bands
from mammo.scoring.metrics import checked_probabilities, why_undefined
from mammo.scoring.weighted_metrics import Weights

THRESHOLDS = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2).tolist())
"""Threshold chances that are drawn."""


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold chance; NaN where metrics.why_undefined tells a reason. Biopsying none is worth 0.

    Attributes:
        preference: [K], threshold chance of malignancy, in (0, 1).
        model: [K], biopsying the lesions scored at or above it.
        low: [K], of the patient bootstrap's 95 % interval of each value of model by itself.
        high: [K], likewise.
        everyone: [K], biopsying every lesion, as was done with these.
    """

    threshold_probability: Floats
    model: Floats
    low: Floats
    high: Floats
    biopsy_all: Floats


def decision_curve(
    malignant: ArrayLike,
    scores: ArrayLike,
    patients: ArrayLike,
    threshold_probabilities: ArrayLike = THRESHOLDS,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> DecisionCurve:
    """The decision curve of scores [N], read as chances of malignancy, of lesions of these patients [N].

    Raises:
        ValueError: as metrics.checked_probabilities, or a preference is outside (0, 1).
    """
    labels, values = checked_probabilities(malignant, scores)
    chance = np.asarray(threshold_probabilities, dtype=np.float64)
    if not ((chance > 0) & (chance < 1)).all():
        raise ValueError("a threshold chance is outside (0, 1)")
    if why_undefined(labels):
        undefined = np.full(chance.shape, np.nan)
        return DecisionCurve(chance, undefined, undefined, undefined, undefined)
    gain = np.where(labels[:, None], 1.0, -chance / (1 - chance))  # [N, K], of a biopsy
    gained = np.where(values[:, None] >= chance, gain, 0.0)

    def worth(weights: Weights) -> Floats:
        drawn = weights.astype(np.float64)
        return np.asarray(drawn @ gained / drawn.sum(axis=1, keepdims=True))

    model = gained.mean(axis=0)
    low, high = percentile_bands(model, bootstrap(worth, patients, seed, n_resamples))
    return DecisionCurve(chance, model, low, high, gain.mean(axis=0))
