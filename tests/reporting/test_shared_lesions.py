"""Score tables of several runs are aligned by lesion."""

from collections.abc import Sequence

import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.reporting.shared_lesions import SHARED_COLUMNS, share_lesions


def table(
    ids: str = "abc", labels: Sequence[str] = ("malignant", "benign", "none"), scores: Sequence[float] = (0.9, 0.2, 0.5)
) -> pd.DataFrame:
    rows = {"lesion_id": list(ids), "label": list(labels), "score": list(scores)}
    rest = dict.fromkeys(SHARED_COLUMNS, "x")
    frame = pd.DataFrame({**rest, **rows})
    return frame.assign(malignant=(frame["label"] == "malignant").astype(int))


def test_scores_are_aligned_by_lesion_in_any_row_order() -> None:
    shared = share_lesions({"x": table(), "y": table().iloc[::-1].assign(score=[0.5, 0.3, 0.8])})
    assert shared.lesions["lesion_id"].tolist() == ["a", "b"]  # the lesion labeled none is left out
    assert shared.malignant.tolist() == [1, 0]
    assert shared.scores["x"].tolist() == [0.9, 0.2]
    assert shared.scores["y"].tolist() == [0.8, 0.3]


def test_runs_with_other_lesions_are_rejected() -> None:
    with pytest.raises(
        MammoError, match="runs x and y did not score the same lesions: 2 are in only one of them, for example b"
    ):
        share_lesions({"x": table(), "y": table(ids="adc")})


def test_runs_that_disagree_on_a_label_are_rejected() -> None:
    with pytest.raises(MammoError, match="runs x and y disagree on the column label, first at lesion b"):
        share_lesions({"x": table(), "y": table(labels=("malignant", "malignant", "none"))})


def test_an_unknown_finding_agrees_with_any_and_the_known_ones_are_kept_in_any_order_of_runs() -> None:
    old, partly = table().assign(finding_id=""), table().assign(finding_id=["f", "", ""])
    new, other = table().assign(finding_id=["f", "f", ""]), table().assign(finding_id=["f", "g", ""])
    for tables in ((old, partly, new), (new, old, partly), (partly, new.iloc[::-1], old)):
        assert share_lesions(dict(zip("xyz", tables, strict=True))).lesions["finding_id"].tolist() == ["f", "f"]
    with pytest.raises(MammoError, match="disagree on the column finding_id, first at lesion b"):
        share_lesions({"x": old, "y": new, "z": other})
