"""Window score tables: what is written is read, and a wrong row is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.records import MammoError
from mammo.scoring.window_table import read_window_table, write_window_table

TABLE = pd.DataFrame(
    {
        "lesion_id": ["a", "a", "b"],
        "window": [0, 1, 0],
        "row": [10.5, 20.0, 30.0],
        "col": [1.0, 2.0, 3.0],
        "side": [16.0, 48.0, 20.5],
        "score": [0.1, 1.0, 0.5],
    }
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_window_table(TABLE, tmp_path / "windows.parquet")
    pd.testing.assert_frame_equal(read_window_table(tmp_path / "windows.parquet"), TABLE, check_dtype=False)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"window": [0, 0, 0]}, "lesion a, window 0: comes twice"),
        ({"score": [0.1, 2.0, 0.5]}, "lesion a, window 1: score"),
        ({"row": [1.0, np.nan, 1.0]}, "window 1: the window has no place"),
        ({"side": [1.0, 0.0, 1.0]}, "window 1: the window has no place"),
        ({"lesion_id": ["", "a", "b"]}, "the lesion's id is empty"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, list[float]], told: str) -> None:
    with pytest.raises(MammoError, match=told):
        write_window_table(TABLE.assign(**changes), tmp_path / "windows.parquet")
