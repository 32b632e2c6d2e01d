from collections.abc import Sequence

import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.reporting.evaluation import FACTS, share_lesions


def table(
    ids: str = "abc", labels: Sequence[str] = ("malignant", "benign", "none"), scores: Sequence[float] = (0.9, 0.2, 0.5)
) -> pd.DataFrame:
    rows = {"lesion_id": list(ids), "label": list(labels), "score": list(scores)}
    rest = dict.fromkeys(FACTS, "x")
    frame = pd.DataFrame({**rest, **rows})
    return frame.assign(malignant=(frame["label"] == "malignant").astype(int))


def test_scores_meet_by_lesion_whatever_the_row_order() -> None:
    shared = share_lesions({"x": table(), "y": table().iloc[::-1].assign(score=[0.5, 0.3, 0.8])})
    assert shared.facts["lesion_id"].tolist() == ["a", "b"]  # the lesion labelled none is left out
    assert shared.malignant.tolist() == [1, 0]
    assert shared.scores["x"].tolist() == [0.9, 0.2]
    assert shared.scores["y"].tolist() == [0.8, 0.3]


def test_other_lesions_are_refused() -> None:
    with pytest.raises(MammoError, match="runs x and y did not score the same lesions: 2 are in one of them only, b"):
        share_lesions({"x": table(), "y": table(ids="adc")})


def test_another_label_is_refused() -> None:
    with pytest.raises(MammoError, match="runs x and y disagree on lesion b"):
        share_lesions({"x": table(), "y": table(labels=("malignant", "malignant", "none"))})
