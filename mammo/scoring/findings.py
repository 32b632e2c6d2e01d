"""Lesion views of one finding as one: the same lesion in CC and MLO is scored by the mean over its views.

The paper evaluates every lesion view by itself. A lesion without a finding_id is a finding of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mammo.records import Floats, Ints, MammoError
from mammo.scoring.intervals import Interval, Weights, aucs, bootstrap, percentile_interval, tallies
from mammo.scoring.metrics import auc
from mammo.text import UNSTATED

FINDING = "finding_id"
"""The column with the id that all views of a finding share; if unknown, empty or a word of UNSTATED."""

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

    @classmethod
    def of_any(cls, tables: Iterable[pd.DataFrame]) -> "Findings":
        """The findings of the same lesions in several tables, in one order: those of the first that has findings."""
        every = list(tables)
        return cls.of(next(filter(has_findings, every), every[0]))

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


def has_findings(table: pd.DataFrame) -> bool:
    """Whether a lesion score table has a finding_id that is not empty."""
    return bool((_finding_ids(table) != "").any())


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


def check_same_findings(tables: Mapping[str, pd.DataFrame]) -> None:
    """Check that the score files that have findings join the same lesions, under whatever ids.

    Args:
        tables: by the path of the file, lesion_id and, if it has findings, finding_id of the same lesions in one order;
            the index is the row number.

    Raises:
        MammoError: one file joins two lesions, and another one does not; names files, rows and remedy.
    """
    known = [(name, table, Findings.of(table)) for name, table in tables.items() if has_findings(table)]
    for other in known[1:]:
        differs = known[0][2].number != other[2].number
        if differs.any():
            raise _joined_in_one(int(differs.argmax()), known[0], other)


def _joined_in_one(at: int, *files: tuple[str, pd.DataFrame, Findings]) -> MammoError:
    """The error about two files, by name, table and findings, that number their findings alike before a place."""
    one, other = sorted(files, key=lambda file: bool(file[2].first[file[2].number[at]] == at))  # one joins it
    table, before = one[1], int(one[2].first[one[2].number[at]])
    return MammoError(
        f"{one[0]}, row {table.index[at]}: finding_id {table[FINDING].iloc[at]} joins lesion "
        f"{table['lesion_id'].iloc[at]} with lesion {table['lesion_id'].iloc[before]} of row {table.index[before]}, "
        f"but {other[0]}, row {other[1].index[at]}, does not; correct one, or leave finding_id out of one file"
    )


def _finding_ids(table: pd.DataFrame) -> NDArray[np.object_]:
    """The finding_id of each row, empty where it is unknown; a word for that would join lesions."""
    if FINDING not in table:
        return np.full(len(table), "", dtype=object)
    ids = table[FINDING].astype(object).fillna("").astype(str).str.strip()
    return ids.mask(ids.str.lower().isin(UNSTATED), "").to_numpy(dtype=object)
