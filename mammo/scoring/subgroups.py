"""Performance within kinds of lesions: by finding, density, view, vendor, size, or whatever a table tells of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mammo.scoring.intervals import Interval, auc_interval
from mammo.scoring.metrics import why_undefined

MAX_VALUES = 12
"""A column with more values than this tells lesions apart, not kinds of them."""


@dataclass(frozen=True)
class Subgroup:
    """The lesions that share one value of one column.

    Attributes:
        column: what is told of a lesion.
        value: what these have in common.
        n: lesions.
        n_malignant: malignant ones.
        undefined: why no AUC exists, empty where it does.
        auc: with its patient-bootstrap interval.
    """

    column: str
    value: str
    n: int
    n_malignant: int
    undefined: str
    auc: Interval


def subgroups(table: pd.DataFrame, columns: Sequence[str]) -> list[Subgroup]:
    """The subgroups of lesions by each column that has any.

    Args:
        table: malignant, score, patient_id and the columns; an empty text is no value.
        columns: a column is passed over where it has one value, more than MAX_VALUES, or never both classes in one
            (as a second name of the label).
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
