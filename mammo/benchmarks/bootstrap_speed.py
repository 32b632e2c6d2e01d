"""Benchmark of the 95 % patient-bootstrap interval of an AUC: 2,000 resamples of 600 lesions.

The baseline is what most published code does: resample the patients in a loop and compute each AUC with scikit-learn.
The limit only draws how often each patient occurs.
"""

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from mammo.benchmarks.timing import Method, time_methods
from mammo.records import MammoError
from mammo.scoring.intervals import N_RESAMPLES, auc_interval

N_LESIONS, N_PATIENTS, MALIGNANT_SHARE = 600, 260, 136 / 600
"""The paper's test set (Model performance)."""

LOOP_RESAMPLES = 100
"""Resamples per round of the loop; all resamples cost the same."""


def measure(rounds: int) -> dict[str, object]:
    """CPU seconds per interval of 2,000 resamples.

    Args:
        rounds: how often each method is timed.

    Returns:
        As mammo.benchmarks.timing.time_methods.

    Raises:
        MammoError: scikit-learn, which only the baseline needs, is not installed.
    """
    if find_spec("sklearn") is None:
        raise MammoError("the baseline, scikit-learn, is not installed: install mammo with its dev extra")
    rng = np.random.default_rng(0)
    patients = rng.integers(0, N_PATIENTS, N_LESIONS)
    malignant = (rng.random(N_LESIONS) < MALIGNANT_SHARE).astype(np.int64)
    scores = np.clip(rng.normal(0.4 + 0.2 * malignant, 0.2), 0, 1)
    methods = {
        "ours": Method(lambda: auc_interval(malignant, scores, patients), 1),
        "scikit-learn loop": Method(
            lambda: loop_interval(malignant, scores, patients, LOOP_RESAMPLES), LOOP_RESAMPLES / N_RESAMPLES
        ),
        "draws only": Method(lambda: patient_counts(patients), 1),
    }
    return time_methods("evaluate", methods, limit="draws only", rounds=rounds)


def loop_interval(
    malignant: NDArray[np.int64], scores: NDArray[np.float64], patients: NDArray[np.int64], n_resamples: int
) -> tuple[float, float]:
    """Lower and upper bound of the interval, by a loop over resamples.

    Args:
        malignant: int64 [N], 1 for malignant lesions, 0 for benign.
        scores: float64 [N], in [0, 1].
        patients: int64 [N], patient of each lesion.
        n_resamples: number of resamples.
    """
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    lesions_of = [np.flatnonzero(patients == patient) for patient in np.unique(patients)]
    aucs = []
    for _ in range(n_resamples):
        rows = np.concatenate([lesions_of[i] for i in rng.integers(0, len(lesions_of), len(lesions_of))])
        aucs.append(roc_auc_score(malignant[rows], scores[rows]))
    low, high = np.quantile(aucs, [0.025, 0.975])
    return float(low), float(high)


def patient_counts(patients: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each patient occurs in each resample, int64 [N_RESAMPLES, n], for lesions of patients [N]."""
    n = np.unique(patients).size
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), N_RESAMPLES)
