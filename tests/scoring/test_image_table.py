"""Image score tables: what is written is read, what is wrong is named, and the AUC is sklearn's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.records import MammoError
from mammo.scoring.image_table import image_auc, read_image_table, write_image_table


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "image_id": [f"I{number}" for number in range(80)],
            "exam_id": [f"E{number // 4}" for number in range(80)],
            "patient_id": [f"P{number // 4}" for number in range(80)],
            "laterality": "L",
            "view": "CC",
            "split": "test",
            "malignant": rng.integers(0, 2, 80),
            "benign": rng.integers(0, 2, 80),
            "score_malignant": rng.uniform(size=80),
            "score_benign": rng.uniform(size=80),
        }
    )


def test_what_is_written_is_read(table: pd.DataFrame, tmp_path: Path) -> None:
    write_image_table(table, tmp_path / "images.parquet")
    read = read_image_table(tmp_path / "images.parquet")
    pd.testing.assert_frame_equal(read, table[read.columns])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.csv", "images.parquet"]


@pytest.mark.parametrize("label", ["malignant", "benign"])
def test_the_auc_is_the_references_and_lies_in_its_interval(table: pd.DataFrame, label: str) -> None:
    found = image_auc(table, label)
    assert found.value == pytest.approx(roc_auc_score(table[label], table[f"score_{label}"]))
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("score_benign", 1.2, "I3"),
        ("malignant", 2, "I3"),
        ("score_malignant", np.nan, "I3"),
        ("image_id", "I0", "I0: comes"),
    ],
)
def test_a_wrong_row_is_named(table: pd.DataFrame, tmp_path: Path, column: str, value: object, told: str) -> None:
    table = table.astype({"malignant": float})
    table.loc[3, column] = value
    with pytest.raises(MammoError, match=told):
        write_image_table(table, tmp_path / "images.parquet")
    assert not list(tmp_path.iterdir())


def test_a_table_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MammoError, match=r"images\.parquet"):
        read_image_table(tmp_path / "images.parquet")
    (tmp_path / "images.parquet").write_bytes(b"no parquet")
    with pytest.raises(MammoError, match=r"images\.parquet"):
        read_image_table(tmp_path / "images.parquet")
