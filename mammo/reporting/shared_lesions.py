"""Aligns the lesion score tables of several runs: the lesions that all of them scored, with the score of each."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.records import Floats, Ints, MammoError, Pathology
from mammo.scoring.findings import FINDING
from mammo.scoring.score_columns import LESION_COLUMNS

SHARED_COLUMNS = [column for column in LESION_COLUMNS if column not in ("lesion_id", "score", "score_sd", "n_windows")]
"""Columns of the lesion score table that must agree between runs; an unknown finding_id agrees with any."""


@dataclass(frozen=True, eq=False)
class SharedLesions:
    """The malignant and benign lesions that several runs scored, in the order of the first run, with every run's score.

    Attributes:
        lesions: N rows with lesion_id and SHARED_COLUMNS; finding_id from the first run that knows it.
        scores: run name to lesion scores, float [N] in [0, 1].
    """

    lesions: pd.DataFrame
    scores: Mapping[str, Floats]

    @property
    def malignant(self) -> Ints:
        """Whether each lesion is malignant, [N] in {0, 1}."""
        return self.lesions["malignant"].to_numpy(dtype=np.int64)

    @property
    def patients(self) -> NDArray[np.object_]:
        """The patient of each lesion, [N]."""
        return self.lesions["patient_id"].to_numpy(dtype=object)


def share_lesions(tables: Mapping[str, pd.DataFrame]) -> SharedLesions:
    """Align the lesion score tables of several runs. Lesions labeled none are left out.

    Args:
        tables: run name to lesion score table; at least one.

    Raises:
        MammoError: two runs did not score the same lesions, or their tables differ in one of SHARED_COLUMNS.
    """
    labeled = {name: _labeled(table) for name, table in tables.items()}
    first, lesions = next((name, table[["lesion_id", *SHARED_COLUMNS]]) for name, table in labeled.items())
    scores = {}
    for name, table in labeled.items():
        unshared = set(table["lesion_id"]) ^ set(lesions["lesion_id"])
        if unshared:
            raise MammoError(
                f"runs {first} and {name} did not score the same lesions: {len(unshared)} are in only one of them, "
                f"for example {min(unshared)}; score both on the same store and split"
            )
        aligned = table.set_index("lesion_id").loc[lesions["lesion_id"]].reset_index()
        lesions = _with_findings(lesions, aligned)
        ours, theirs = _with_findings(aligned, lesions)[SHARED_COLUMNS], lesions[SHARED_COLUMNS]
        differs = (ours != theirs) & ~(ours.isna() & theirs.isna())
        if differs.any(axis=None):
            lesion, column = lesions["lesion_id"][differs.any(axis=1)].iloc[0], differs.columns[differs.any()][0]
            raise MammoError(
                f"runs {first} and {name} disagree on the column {column}, first at lesion {lesion}; score both on the "
                "same store and with the same version of mammo"
            )
        scores[name] = aligned["score"].to_numpy(np.float64)
    return SharedLesions(lesions, scores)


def _labeled(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])].reset_index(drop=True)


def _with_findings(lesions: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Lesions with the finding_id of another table of the same rows where their own is empty."""
    return lesions.assign(**{FINDING: lesions[FINDING].where(lesions[FINDING] != "", other[FINDING])})
