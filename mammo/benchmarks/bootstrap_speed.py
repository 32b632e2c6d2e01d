"""The 95 % patient-bootstrap interval of an AUC: 2,000 resamples of 600 lesions.

The rival is what most published code does: draw the patients in a loop and ask scikit-learn for the AUC of each
resample. The limit does no more than draw how often each patient comes.
"""

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from mammo.benchmarks.timing import Way, measurement
from mammo.records import MammoError
from mammo.scoring.intervals import N_RESAMPLES, auc_interval

N_LESIONS, N_PATIENTS, MALIGNANT_SHARE = 600, 260, 136 / 600
"""The paper's test set (Model performance)."""

LOOPED = 100
"""Resamples that a round of the loop does; every resample costs the same."""


def measure(rounds: int) -> dict[str, object]:
    """CPU seconds an interval of 2,000 resamples takes.

    Args:
        rounds: how often each way is timed.

    Returns:
        As mammo.benchmarks.timing.measurement.

    Raises:
        MammoError: scikit-learn, which only the rival needs, is not installed.
    """
    if find_spec("sklearn") is None:
        raise MammoError("the rival of this benchmark is scikit-learn: install mammo with its dev extra")
    rng = np.random.default_rng(0)
    patients = rng.integers(0, N_PATIENTS, N_LESIONS)
    malignant = (rng.random(N_LESIONS) < MALIGNANT_SHARE).astype(np.int64)
    scores = np.clip(rng.normal(0.4 + 0.2 * malignant, 0.2), 0, 1)
    ways = {
        "ours": Way(lambda: auc_interval(malignant, scores, patients), 1),
        "scikit-learn loop": Way(lambda: looped(malignant, scores, patients, LOOPED), LOOPED / N_RESAMPLES),
        "draws alone": Way(lambda: drawn(patients), 1),
    }
    return measurement("evaluate", ways, limit="draws alone", rounds=rounds)


def looped(
    malignant: NDArray[np.int64], scores: NDArray[np.float64], patients: NDArray[np.int64], n_resamples: int
) -> tuple[float, float]:
    """The interval's bounds by a plain loop over resamples."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    lesions_of = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    aucs = []
    for _ in range(n_resamples):
        rows = np.concatenate([lesions_of[i] for i in rng.integers(0, len(lesions_of), len(lesions_of))])
        aucs.append(roc_auc_score(malignant[rows], scores[rows]))
    low, high = np.quantile(aucs, [0.025, 0.975])
    return float(low), float(high)


def drawn(patients: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each patient comes, in each of the resamples."""
    n = np.unique(patients).size
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), N_RESAMPLES)
