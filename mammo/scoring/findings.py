"""Lesion views of one finding as one: the same lesion in CC and MLO is scored by the mean over its views.

The paper evaluates every lesion view by itself. A lesion without a finding_id is a finding of its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mammo.records import Floats, Ints, MammoError
from mammo.scoring.intervals import Interval, Weights, aucs, bootstrap, percentile_interval, tallies
from mammo.scoring.metrics import auc

FINDING = "finding_id"
"""The column with the id that all views of a finding share; empty if unknown."""

REMEDIES = {
    "patient_id": "give each finding an id of its own",
    "malignant": "correct one of the labels, or give each finding an id of its own",
}
"""What to do where two views of a finding differ in one of these columns."""


@dataclass(frozen=True, eq=False)
class Findings:
    """The findings of N lesion views, F in number, in the order of their first views.

    Attributes:
        number: [N], each view's finding, from 0.
        first: [F], row of each finding's first view. Patient and label are those of all its views.
    """

    number: Ints
    first: Ints

    @classmethod
    def of(cls, lesions: pd.DataFrame) -> "Findings":
        """The findings of a lesion score table: lesion_id, and finding_id if it has such a column."""
        names = list(zip(_finding_ids(lesions), lesions["lesion_id"].astype(str), strict=True))
        number, _ = pd.factorize(np.array([f"finding {key}" if key else f"lesion {lesion}" for key, lesion in names]))
        _, first = np.unique(number, return_index=True)
        return cls(np.asarray(number, dtype=np.int64), np.asarray(first, dtype=np.int64))

    @property
    def are_joined(self) -> bool:
        """Whether a finding has more than one view, so that findings are not the same as lesion views."""
        return self.first.size < self.number.size

    def mean(self, scores: ArrayLike) -> Floats:
        """The mean [F] in [0, 1] over each finding's views of scores [N] in [0, 1]."""
        total = np.bincount(self.number, weights=np.asarray(scores, dtype=np.float64), minlength=self.first.size)
        return np.asarray(total / np.bincount(self.number, minlength=self.first.size))

    def auc_gain(self, malignant: ArrayLike, scores: ArrayLike, patients: ArrayLike) -> Interval:
        """AUC of the findings minus AUC of the lesion views, with its paired patient-bootstrap interval.

        Args:
            malignant: [N] in {0, 1}, of the lesion views.
            scores: [N] in [0, 1].
            patients: [N].
        """
        labels, means = np.asarray(malignant), self.mean(scores)

        def gains(weights: Weights) -> Floats:
            """Difference of the AUCs, [R], in resamples of these weights [R, N]."""
            of_findings = tallies(labels[self.first], means, weights[:, self.first])
            return aucs(of_findings) - aucs(tallies(labels, scores, weights))

        gain = auc(labels[self.first], means) - auc(labels, scores)
        return percentile_interval(gain, bootstrap(gains, patients))


def per_finding(table: pd.DataFrame) -> pd.DataFrame:
    """A lesion score table with one row for each finding: that of its first view, and the mean score over its views."""
    findings = Findings.of(table)
    return table.iloc[findings.first].assign(score=findings.mean(table["score"]))


def check_findings(path: Path, table: pd.DataFrame) -> None:
    """Check that the views of each finding have one patient and one label.

    Args:
        path: of the score file, for messages.
        table: lesion_id, patient_id, malignant and, if it has findings, finding_id; the index is the row number.

    Raises:
        MammoError: two rows of a finding contradict each other; names both, and the remedy.
    """
    ids = pd.Series(_finding_ids(table), index=table.index)
    ids = ids[ids != ""]
    for name, remedy in REMEDIES.items():
        values = table.loc[ids.index, name]
        values = values.astype("float64") if name == "malignant" else values.astype("str")
        differs = values != values.groupby(ids, sort=False).transform("first")
        if differs.any():
            row = differs.idxmax()
            before = ids.index[ids == ids[row]][0]
            raise MammoError(
                f"{path}, row {row}: finding_id {ids[row]} has {name} {table[name][row]}, but "
                f"{table[name][before]} in row {before}: {remedy}"
            )


def _finding_ids(table: pd.DataFrame) -> NDArray[np.object_]:
    """The finding_id of each row, empty where it is unknown."""
    if FINDING not in table:
        return np.full(len(table), "", dtype=object)
    return table[FINDING].fillna("").astype(str).to_numpy(dtype=object)
