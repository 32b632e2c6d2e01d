"""The lesions that several runs scored: one set of labels, and a score vector a run."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.records import MammoError, Pathology
from mammo.scoring.score_tables import LESION_COLUMNS

FACTS = [column for column in LESION_COLUMNS if column not in ("lesion_id", "score", "score_sd", "n_windows")]
"""What the tables of two runs must say alike of a lesion."""


@dataclass(frozen=True, eq=False)
class SharedLesions:
    """Lesions labelled malignant or benign, as the first run orders them, with the score that each run gave them.

    Attributes:
        facts: [N rows] lesion_id and FACTS.
        scores: run name to float [N].
    """

    facts: pd.DataFrame
    scores: Mapping[str, NDArray[np.float64]]

    @property
    def malignant(self) -> NDArray[np.int64]:
        """[N] in {0, 1}."""
        return self.facts["malignant"].to_numpy(dtype=np.int64)

    @property
    def patients(self) -> NDArray[np.object_]:
        """[N], each lesion's patient."""
        return self.facts["patient_id"].to_numpy(dtype=object)


def share_lesions(tables: Mapping[str, pd.DataFrame]) -> SharedLesions:
    """Bring the lesion score tables of several runs onto one set of lesions. A lesion labelled none is left out.

    Args:
        tables: run name to lesion score table; at least one.

    Raises:
        MammoError: two runs did not score the same lesions, or disagree on what is known of one.
    """
    ordered = {name: _labelled(table) for name, table in tables.items()}
    first, facts = next((name, table[["lesion_id", *FACTS]]) for name, table in ordered.items())
    for name, table in ordered.items():
        apart = set(table["lesion_id"]) ^ set(facts["lesion_id"])
        if apart:
            raise MammoError(
                f"runs {first} and {name} did not score the same lesions: {len(apart)} are in one of them only, "
                f"{min(apart)} for example; score both on the same store and split"
            )
        ordered[name] = table = table.set_index("lesion_id").loc[facts["lesion_id"]].reset_index()
        differs = (table[FACTS] != facts[FACTS]).any(axis=1)
        if differs.any():
            lesion = facts["lesion_id"][differs].iloc[0]
            raise MammoError(f"runs {first} and {name} disagree on lesion {lesion}; score both on the same store")
    return SharedLesions(facts, {name: table["score"].to_numpy(np.float64) for name, table in ordered.items()})


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    labelled = table[table["label"].isin([Pathology.MALIGNANT, Pathology.BENIGN])]
    return labelled.reset_index(drop=True)
