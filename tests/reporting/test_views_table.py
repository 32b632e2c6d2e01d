"""The table of maps of other images: its rows, their differences from sal+emb, and its order."""

import numpy as np
import pandas as pd
import pytest

from mammo.paper import MAPS
from mammo.reporting.report_columns import VIEWS_COLUMNS
from mammo.reporting.views_table import has_views, maps_order, views_table
from mammo.scoring.metrics import auc
from mammo.scoring.model_comparison import compare

MALIGNANT = np.arange(60) % 3 // 2
PATIENTS = np.array([f"p{number // 6}" for number in range(60)], dtype=object)
LESIONS = pd.DataFrame({"patient_id": PATIENTS, "malignant": MALIGNANT, "lesion_id": range(60), "finding_id": ""})
RNG = np.random.default_rng(0)
KEYS = [("sal", ""), ("emb", ""), ("sal+ipsi+contra+emb", ""), ("sal+ipsi+emb", "shuffled-ipsi"), ("sal+ipsi+emb", "")]
SCORES = {
    key: dict(enumerate(np.clip(0.3 * MALIGNANT + 0.7 * RNG.random((2, 60)), 0, 1), start=3))
    for key in [*KEYS, ("sal+emb", "")]
}
"""Scores of the seeds 3 and 4."""


def mean(scores: dict[int, np.ndarray], *seeds: int) -> np.ndarray:
    return np.mean([scores[seed] for seed in seeds or scores], axis=0)


def test_rows_are_the_baselines_then_the_combinations_with_their_controls() -> None:
    table = views_table(SCORES, LESIONS)
    assert list(table.columns) == list(VIEWS_COLUMNS)
    assert list(zip(table["maps"], table["context"], strict=True)) == [
        ("emb", ""),
        ("sal+emb", ""),
        ("sal+ipsi+contra+emb", ""),
        ("sal+ipsi+emb", ""),
        ("sal+ipsi+emb", "shuffled-ipsi"),
    ]


def test_differences_are_paired_with_sal_and_emb() -> None:
    table = views_table(SCORES, LESIONS).set_index(["maps", "context"])
    for key in table.index.drop(("sal+emb", "")):
        better, baseline = (mean(SCORES[each]) for each in (key, ("sal+emb", "")))
        found = compare(MALIGNANT, better, baseline, PATIENTS)
        row = table.loc[key]
        assert row["gain"] == pytest.approx(auc(MALIGNANT, better) - auc(MALIGNANT, baseline))
        assert (row["gain_low"], row["gain_high"]) == (found.auc_difference.low, found.auc_difference.high)
        assert (row["p_bootstrap"], row["n_paired"]) == (found.p_bootstrap, 2)
    assert np.isnan(table.loc[("sal+emb", ""), "gain"]), "not compared with itself"


def test_findings_are_scored_by_the_mean_over_their_views_where_some_have_two() -> None:
    assert views_table(SCORES, LESIONS)["finding_gain"].isna().all()
    joined = np.arange(60) // 6 * 3 + np.arange(60) % 3  # two of each patient and place have one label
    table = views_table(SCORES, LESIONS.assign(finding_id=[f"f{number}" for number in joined])).set_index("maps")
    malignant = np.array([MALIGNANT[joined == number][0] for number in range(30)])
    patients = np.array([PATIENTS[joined == number][0] for number in range(30)])
    found = compare(malignant, *(by_finding(mean(SCORES[maps, ""]), joined) for maps in ("emb", "sal+emb")), patients)
    row, gain = table.loc["emb"], found.auc_difference
    assert (row["finding_gain"], row["finding_gain_low"], row["finding_gain_high"]) == (gain.value, gain.low, gain.high)
    assert row["finding_gain"] != row["gain"]


def by_finding(scores: np.ndarray, joined: np.ndarray) -> np.ndarray:
    return np.array([scores[joined == number].mean() for number in range(30)])


def test_differences_are_of_the_seeds_that_both_have() -> None:
    """A mean over more seeds ranks lesions better, whatever its maps."""
    control, alone = ("sal+ipsi+emb", "shuffled-ipsi"), ("sal+contra+emb", "")
    scores = SCORES | {control: {4: SCORES[control][4], 7: SCORES[control][3]}, alone: {9: SCORES[control][3]}}
    table = views_table(scores, LESIONS).set_index(["maps", "context"])
    row = table.loc[control]
    assert (row["n_seeds"], row["n_paired"]) == (2, 1)
    expected = auc(MALIGNANT, scores[control][4]) - auc(MALIGNANT, scores["sal+emb", ""][4])
    assert row["gain"] == pytest.approx(expected)
    assert table.loc[alone, "n_paired"] == 0
    assert table.loc[alone, ["gain", "gain_low", "gain_high", "p_bootstrap"]].isna().all()


def test_without_sal_and_emb_there_is_no_difference_and_without_other_views_no_table() -> None:
    table = views_table({("ipsi+emb", ""): SCORES["emb", ""]}, LESIONS)
    assert len(table) == 1
    assert table["gain"].isna().all()
    assert views_table({key: SCORES[key] for key in KEYS[:2]}, LESIONS).empty


def test_combinations_stand_in_the_papers_order_and_then_by_their_maps() -> None:
    further = ["sal+ipsi+contra+emb", "ipsi", "sal+ipsi+emb", "contra+emb"]
    assert sorted([*further, *MAPS[::-1], ""], key=maps_order) == [
        *("", *MAPS),
        *("sal+ipsi+contra+emb", "sal+ipsi+emb", "ipsi", "contra+emb"),
    ]
    assert [has_views(maps) for maps in ("sal+emb", "ipsi", "loc+contra")] == [False, True, True]
