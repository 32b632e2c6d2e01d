"""AUC within subgroups of lesions: by finding, density, view, vendor, size, or any other column of a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mammo.scoring.intervals import Interval, auc_interval
from mammo.scoring.metrics import why_undefined

MAX_VALUES = 12
"""A column with more distinct values than this does not define subgroups."""


@dataclass(frozen=True)
class Subgroup:
    """The lesions that share one value of one column.

    Attributes:
        column: name of the column.
        value: the value that these lesions share.
        n: number of lesions.
        n_malignant: number of malignant lesions.
        undefined: why the AUC is undefined, empty if it is defined.
        auc: with its patient-bootstrap interval.
    """

    column: str
    value: str
    n: int
    n_malignant: int
    undefined: str
    auc: Interval


def subgroups(table: pd.DataFrame, columns: Sequence[str]) -> list[Subgroup]:
    """The subgroups of lesions by each column.

    Args:
        table: malignant, score, patient_id and the columns; empty text is a missing value.
        columns: a column is skipped if it has one value or more than MAX_VALUES, or if no value has lesions of both
            classes (such as a copy of the label).
    """
    return [group for column in columns for group in _groups(table, column)]


def _groups(table: pd.DataFrame, column: str) -> Iterator[Subgroup]:
    values = table[column].astype("str")
    names = sorted(set(values) - {""})
    if not 2 <= len(names) <= MAX_VALUES:
        return
    parts = {name: table[values == name] for name in names}
    if all(why_undefined(part["malignant"]) for part in parts.values()):
        return
    for name, part in parts.items():
        malignant = part["malignant"].to_numpy(dtype=np.int64)
        auc = auc_interval(malignant, part["score"].to_numpy(dtype=np.float64), part["patient_id"].to_numpy())
        yield Subgroup(column, name, len(part), int(malignant.sum()), why_undefined(malignant), auc)
