from pathlib import Path

import pandas as pd

from mammo.score import with_own_ids
from mammo.store.pseudonyms import OWN_IDS


def test_own_names_stand_beside_the_scores_of_their_lesions(tmp_path: Path) -> None:
    OWN_IDS.write(
        tmp_path, "mine", [("lesion", "b", "mine", "=x.dcm", "7"), ("lesion", "a", "mine", "y.dcm", "8")], ["mine"]
    )
    table = with_own_ids(pd.DataFrame({"lesion_id": ["a", "b", "c"], "score": [0.1, 0.2, 0.3]}), tmp_path)
    assert table["source"].tolist() == ["mine", "mine", ""]
    assert table["source_path"].tolist() == ["y.dcm", "=x.dcm", ""]
    assert table["source_id"].tolist() == ["8", "7", ""]
    assert table["score"].tolist() == [0.1, 0.2, 0.3]
