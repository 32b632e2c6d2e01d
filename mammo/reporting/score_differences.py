"""Single lesions of a comparison: those that a model scores most wrongly, or that two models score most apart."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mammo.store.pseudonyms import OwnId

N_SHOWN = 5
"""Number of lesions that are listed."""

Json = dict[str, Any]


def most_wrong(table: pd.DataFrame, own: Mapping[str, OwnId]) -> list[Json]:
    """The lesions whose scores are farthest from their labels, the most wrong first, ready for JSON.

    Args:
        table: as score_file.ScoreFile has it.
        own: the user's own names by pseudonym, empty to leave them out.
    """
    order = np.argsort(-(table["score"] - table["malignant"]).abs().to_numpy(), kind="stable")[:N_SHOWN]
    return [_lesion(row, own) | {"score": float(row["score"])} for _, row in table.iloc[order].iterrows()]


def most_different(first: pd.DataFrame, second: pd.DataFrame, own: Mapping[str, OwnId]) -> list[Json]:
    """The lesions that two models score most differently, the largest difference first, ready for JSON.

    Args:
        first: as score_file.ScoreFile has it.
        second: the same lesions in the same order.
        own: as in most_wrong.
    """
    scores = np.stack([first["score"].to_numpy(), second["score"].to_numpy()])
    order = np.argsort(-np.abs(scores[0] - scores[1]), kind="stable")[:N_SHOWN]
    return [
        _lesion(first.iloc[at], own) | {"first": float(scores[0, at]), "second": float(scores[1, at])}
        for at in order.tolist()
    ]


def _lesion(row: "pd.Series[Any]", own: Mapping[str, OwnId]) -> Json:
    key = str(row["lesion_id"])
    name = own.get(key)
    known = {} if name is None else {"source": name.source, "source_path": name.path, "source_id": name.id}
    return {"lesion_id": key, "malignant": int(row["malignant"])} | known


def lesion_lines(title: str, lesions: Iterable[Json]) -> Iterator[str]:
    """Yield a title and a line for each lesion of most_wrong or most_different."""
    yield f"  {title}"
    for lesion in lesions:
        scores = " and ".join(f"{lesion[name]:.3f}" for name in ("score", "first", "second") if name in lesion)
        label = "malignant" if lesion["malignant"] else "not malignant"
        own = f"   {lesion['source']}: {lesion['source_path']} ({lesion['source_id']})" if "source" in lesion else ""
        yield f"    {lesion['lesion_id']:<20} {scores:<15} {label}{own}"
