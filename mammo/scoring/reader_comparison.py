"""Readers under two conditions: the analysis of Obuchowski and Rockette, with readers and patients as random samples.

Obuchowski and Rockette 1995, Communications in Statistics 24:285; degrees of freedom of Hillis 2007, Statistics in
Medicine 26:596 (ddf_H). The covariances of the AUCs come from the jackknife over patients, which is that over cases
where each patient has one lesion. Arrays may have leading axes [...], one entry for each study.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student

from mammo.records import Floats
from mammo.scoring.intervals import LEVEL
from mammo.scoring.jackknife import left_out_aucs
from mammo.scoring.metrics import Bools


@dataclass(frozen=True, eq=False)
class ErrorCovariances:
    """Covariances of the AUCs of 2 conditions and R readers because of the sample of patients, each averaged.

    Attributes:
        variance: [...], of an AUC.
        same_reader: [...], Cov1: of a reader's AUCs under the two conditions.
        same_condition: [...], Cov2: of the AUCs of two readers under one condition.
        neither: [...], Cov3: of two readers' AUCs under different conditions.
        by_condition: [..., 2], Cov2 under each condition.
    """

    variance: Floats
    same_reader: Floats
    same_condition: Floats
    neither: Floats
    by_condition: Floats


@dataclass(frozen=True, eq=False)
class Estimate:
    """An estimate with its interval; NaN where undefined.

    Attributes:
        value: [...].
        error: [...], standard error, at least 0.
        df: [...], degrees of freedom (ddf_H), infinite where readers do not differ beyond the sample of patients.
        low: [...], lower bound of the 95 % interval.
        high: [...], upper bound.
    """

    value: Floats
    error: Floats
    df: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class ReaderComparison:
    """Readers under two conditions.

    Attributes:
        aucs: [..., 2, R].
        covariances: of the AUCs.
        means: of each condition, the mean AUC over readers.
        difference: mean AUC of the first condition minus that of the second.
    """

    aucs: Floats
    covariances: ErrorCovariances
    means: tuple[Estimate, Estimate]
    difference: Estimate

    @property
    def f(self) -> Floats:
        """[...], F statistic of equal AUCs, with 1 and difference.df degrees of freedom; NaN where undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.square(self.difference.value / self.difference.error)

    @property
    def p(self) -> Floats:
        """[...] in [0, 1], p-value of equal AUCs, two-sided; NaN where undefined."""
        found: Floats = 2 * student.sf(np.sqrt(self.f), self.difference.df)
        return found


def compare_readers(malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike) -> ReaderComparison:
    """Compare the AUCs of the same readers of the same lesions under two conditions.

    Args:
        malignant: [N] in {0, 1}.
        scores: [..., 2, R, N], of two conditions and R readers, at least 2.
        patients: [N], each lesion's patient.

    Raises:
        ValueError: as left_out_aucs, or there are not two conditions, or fewer than two readers.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim < 3 or values.shape[-3] != 2 or values.shape[-2] < 2:
        raise ValueError(f"scores {values.shape} are not of two conditions and at least two readers")
    aucs, left_out = left_out_aucs(malignant, values, patients)
    return reader_comparison(aucs, error_covariances(left_out))


def error_covariances(left_out: Floats) -> ErrorCovariances:
    """The covariances of AUCs, by the jackknife.

    Args:
        left_out: [..., 2, R, P], the AUCs without each of P patients; NaN gives NaN.
    """
    n_readers, n_patients = left_out.shape[-2:]
    flat = left_out.reshape(*left_out.shape[:-3], 2 * n_readers, n_patients)
    centered = flat - flat.mean(axis=-1, keepdims=True)
    matrix = (n_patients - 1) / n_patients * centered @ np.swapaxes(centered, -1, -2)
    condition, reader = np.divmod(np.arange(2 * n_readers), n_readers)
    same_condition, same_reader = (np.equal.outer(name, name) for name in (condition, reader))
    within = same_condition & ~same_reader
    of_each = [within & (condition == number)[:, None] for number in (0, 1)]
    return ErrorCovariances(
        variance=_mean(matrix, same_condition & same_reader),
        same_reader=_mean(matrix, ~same_condition & same_reader),
        same_condition=_mean(matrix, within),
        neither=_mean(matrix, ~same_condition & ~same_reader),
        by_condition=np.stack([_mean(matrix, chosen) for chosen in of_each], axis=-1),
    )


def _mean(matrix: Floats, chosen: Bools) -> Floats:
    found: Floats = matrix[..., chosen].mean(axis=-1)
    return found


def reader_comparison(aucs: Floats, covariances: ErrorCovariances) -> ReaderComparison:
    """The analysis of AUCs [..., 2, R] with these covariances."""
    n_readers, gains = aucs.shape[-1], aucs[..., 0, :] - aucs[..., 1, :]
    between = np.maximum(covariances.same_condition - covariances.neither, 0)
    difference = _estimate(gains.mean(axis=-1), gains.var(axis=-1, ddof=1) / 2, between, n_readers, 2)
    shared = np.maximum(covariances.by_condition, 0)
    first, second = (
        _estimate(own.mean(axis=-1), own.var(axis=-1, ddof=1), shared[..., number], n_readers, 1)
        for number, own in ((0, aucs[..., 0, :]), (1, aucs[..., 1, :]))
    )
    return ReaderComparison(aucs, covariances, (first, second), difference)


def _estimate(value: Floats, mean_square: Floats, covariance: Floats, n_readers: int, n_means: int) -> Estimate:
    """An estimate from the mean square of its readers and their covariance.

    Args:
        value: [...], a mean over readers or the difference of two.
        mean_square: [...], of readers, or of readers and conditions.
        covariance: [...], at least 0, that the sample of patients adds to it for each reader.
        n_readers: R.
        n_means: 1, or 2 for a difference.
    """
    error = mean_square + n_readers * covariance
    width = np.sqrt(n_means * error / n_readers)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = (n_readers - 1) * np.square(error / mean_square)
    half = student.ppf((1 + LEVEL) / 2, df) * width
    return Estimate(value, width, df, value - half, value + half)
