"""Decision curve: what acting on a score is worth (Vickers and Elkin 2006, Medical Decision Making 26:565).

Whoever would biopsy from a chance of malignancy p upwards says that p / (1 - p) needless biopsies weigh as much as one
missed malignancy. Net benefit counts caught malignancies less needless biopsies at that price, per lesion.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mammo.scoring.metrics import Floats, checked_shares, why_undefined

PREFERENCES = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2).tolist())
"""Threshold chances that are drawn."""


@dataclass(frozen=True, eq=False)
class DecisionCurve:
    """Net benefit by threshold chance; NaN where metrics.why_undefined tells a reason. Biopsying none is worth 0.

    Attributes:
        preference: [K], threshold chance of malignancy, in (0, 1).
        model: [K], biopsying the lesions scored at or above it.
        everyone: [K], biopsying every lesion, as was done with these.
    """

    preference: Floats
    model: Floats
    everyone: Floats


def decision_curve(malignant: ArrayLike, scores: ArrayLike, preferences: ArrayLike = PREFERENCES) -> DecisionCurve:
    """The decision curve of scores [N], read as chances of malignancy.

    Raises:
        ValueError: as metrics.checked_shares, or a preference is outside (0, 1).
    """
    labels, values = checked_shares(malignant, scores)
    chance = np.asarray(preferences, dtype=np.float64)
    if not ((chance > 0) & (chance < 1)).all():
        raise ValueError("a threshold chance is outside (0, 1)")
    if why_undefined(labels):
        return DecisionCurve(chance, np.full(chance.shape, np.nan), np.full(chance.shape, np.nan))
    price = chance / (1 - chance)
    counts = [kind.size - np.searchsorted(np.sort(kind), chance) for kind in (values[labels], values[~labels])]
    model = (counts[0] - price * counts[1]) / values.size
    return DecisionCurve(chance, model, (labels.sum() - price * (~labels).sum()) / values.size)
