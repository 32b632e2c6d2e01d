"""The context network's row of the report: AUCs over seeds, of the same images in whatever order."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.records import MammoError
from mammo.reporting.context_table import COLUMNS, context_table


def scored(seed: int) -> pd.DataFrame:
    labels, scores = np.random.default_rng(0), np.random.default_rng(seed + 1)
    table = pd.DataFrame({"image_id": [f"I{n}" for n in range(60)], "patient_id": [f"P{n // 4}" for n in range(60)]})
    for label in ("malignant", "benign"):
        table[label] = labels.integers(0, 2, 60)
        table[f"score_{label}"] = scores.uniform(size=60)
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


def test_mean_spread_and_counts() -> None:
    tables = [scored(seed) for seed in range(3)]
    row = context_table(tables).set_index("label").loc["benign"]
    aucs = [roc_auc_score(table["benign"], table["score_benign"]) for table in tables]
    assert row["auc_mean"] == pytest.approx(np.mean(aucs))
    assert row["auc_sd"] == pytest.approx(np.std(aucs, ddof=1))
    assert (row["n_seeds"], row["n_images"], row["n_showing"]) == (3, 60, tables[0]["benign"].sum())
    mean = sum(table.set_index("image_id")["score_benign"] for table in tables) / 3
    whole = roc_auc_score(tables[0].set_index("image_id")["benign"].loc[mean.index], mean)
    assert row["auc_low"] < whole < row["auc_high"]


def test_no_table_gives_no_row() -> None:
    assert context_table([]).columns.tolist() == COLUMNS
    assert context_table([]).empty


def test_other_images_are_refused() -> None:
    with pytest.raises(MammoError, match="did not score the same images"):
        context_table([scored(0), scored(1).iloc[1:]])
