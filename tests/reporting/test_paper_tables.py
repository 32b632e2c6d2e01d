"""The paper's tables and Figure 6 as numbers, checked by hand and against scikit-learn."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.records import MammoError
from mammo.reporting.paper_tables import (
    auc_row,
    context_table,
    figure6,
    figure6_notes,
    table1,
    table2,
    table3,
)
from mammo.reporting.report_columns import CONTEXT_COLUMNS, TABLE1_COLUMNS, TABLE2_COLUMNS, TABLE3_COLUMNS
from mammo.reporting.result_figures import figure6_figure
from mammo.scoring.intervals import auc_interval
from mammo.scoring.metrics import auc
from mammo.scoring.performance import performance

MALIGNANT = np.array([1, 1, 0, 0])
PATIENTS = np.array(["p", "q", "r", "s"], dtype=object)
RNG = np.random.default_rng(0)
FIGURE6_MALIGNANT, FIGURE6_PATIENTS = RNG.integers(0, 2, 50), np.arange(50).astype(object)
FIGURE6_SCORES = {
    ("resnetv2_50", "imagenet"): RNG.random((2, 50)),
    ("resnetv2_50", "he"): RNG.random((3, 50)),
    ("densenet161", "he"): RNG.random((1, 50)),
}


def test_table3_worked_out_by_hand() -> None:
    seeds = np.array([[0.9, 0.8, 0.1, 0.2], [0.9, 0.3, 0.4, 0.2], [0.9, 0.1, 0.4, 0.2]])  # AUC 1, 3/4, 1/2
    varied = {"sal+emb": "f_loc and f_agg", "loc": ""}
    table = table3({"sal+emb": seeds, "loc": seeds[:1]}, MALIGNANT, PATIENTS, varied)
    assert list(table.columns) == list(TABLE3_COLUMNS)
    assert table["maps"].tolist() == ["loc", "sal+emb"]
    best = table.iloc[1]
    assert best["auc_mean"] == pytest.approx(0.75)
    assert best["auc_sd"] == pytest.approx(0.25)
    assert table["seeds_of"].tolist() == ["", "f_loc and f_agg"]
    assert (best["n_seeds"], best["n_lesions"], best["n_malignant"], best["paper_auc"]) == (3, 4, 2, 0.799)
    interval = auc_interval(MALIGNANT, seeds.mean(axis=0), PATIENTS)
    assert (best["auc_low"], best["auc_high"]) == (interval.low, interval.high)


def test_one_seed_has_no_standard_deviation() -> None:
    assert np.isnan(auc_row(np.array([[0.9, 0.8, 0.1, 0.2]]), MALIGNANT, PATIENTS)["auc_sd"])


def test_table3_rows_are_in_the_papers_order() -> None:
    seeds = np.random.default_rng(0).random((2, 4))
    names = ["loc+sal+emb", "sal+emb", "loc+sal", "loc+emb", "sal", "emb", "loc"]
    assert table3(dict.fromkeys(names, seeds), MALIGNANT, PATIENTS, dict.fromkeys(names, ""))["maps"].tolist() == [
        "loc",
        "emb",
        "sal",
        "loc+emb",
        "loc+sal",
        "sal+emb",
        "loc+sal+emb",
    ]


@pytest.mark.parametrize("label", [0, 1])
def test_table3_of_one_class_is_undefined(label: int) -> None:
    row = auc_row(np.random.default_rng(0).random((3, 4)), np.full(4, label), PATIENTS)
    assert np.isnan([row["auc_mean"], row["auc_sd"], row["auc_low"], row["auc_high"]]).all()


def test_table1_counts_as_the_paper_does() -> None:
    images = pd.DataFrame({"split": ["train", "train", "val", "test", "test"], "fold": -1}, index=list("ABCDE"))
    images = images.assign(malignant=images.index == "A", benign=images.index.isin(["A", "D"]), unplaced=False)
    lesions = pd.DataFrame(
        {"image_id": list("AADDE"), "label": ["malignant", "benign", "benign", "benign", "none"]}, index=range(5)
    )
    table = table1(images, lesions)
    counted = table[list(TABLE1_COLUMNS)]
    assert counted.loc["train"].tolist() == [1, 1, 1, 1, 1]  # image A counts as benign and as malignant
    assert counted.loc["val"].tolist() == [1, 0, 0, 0, 0]
    assert counted.loc["test"].tolist() == [0, 1, 0, 2, 0]  # image E has an outline: not negative, and not counted
    assert counted.loc["overall"].tolist() == [2, 2, 1, 3, 1]
    assert table.loc["test"].filter(like="paper_").tolist() == [60_959, 432, 116, 464, 136]
    images.loc["C", ["malignant", "unplaced"]] = True  # by a label without an outline
    assert table1(images, lesions).loc["val", list(TABLE1_COLUMNS)].tolist() == [0, 0, 1, 0, 0]


def test_table1_of_folds_counts_each_fold_without_the_papers_numbers() -> None:
    images = pd.DataFrame({"split": "", "fold": [0, 0, 1, 2, 2]}, index=list("ABCDE"))
    images = images.assign(malignant=images.index == "A", benign=images.index.isin(["A", "D"]), unplaced=False)
    lesions = pd.DataFrame({"image_id": list("AAD"), "label": ["malignant", "benign", "benign"]}, index=range(3))
    table = table1(images, lesions)
    assert list(table.columns) == list(TABLE1_COLUMNS)
    assert list(table.index) == ["fold 0", "fold 1", "fold 2", "overall"]
    assert table.loc["fold 0"].tolist() == [1, 1, 1, 1, 1]
    assert table.loc["fold 2"].tolist() == [1, 1, 0, 1, 0]
    assert table.loc["overall"].tolist() == [3, 2, 1, 2, 1]


def test_table2_holds_our_rates_and_the_papers() -> None:
    malignant = np.repeat([1, 0], 100)
    score = np.concatenate([np.arange(100), np.arange(100) + 0.5]) / 200
    table = table2(performance(malignant, score, np.arange(200)))
    assert list(table.columns) == list(TABLE2_COLUMNS)
    assert table["fnr"].tolist() == [0, 0.01, 0.02, 0.03, 0.05]
    assert table["misses_allowed"].tolist() == [0, 1, 2, 3, 5]
    np.testing.assert_allclose(table["tnr"], [0, 0.01, 0.02, 0.03, 0.05])
    assert table["paper_tnr"].tolist() == [0.017, 0.135, 0.231, 0.276, 0.435]
    assert (table["tnr_low"] >= 0).all()
    assert (table["tnr_low"] <= table["tnr_high"]).all()
    assert table.filter(like="transferred").isna().all(axis=None)


def test_table2_holds_rates_of_both_thresholds() -> None:
    malignant, score = [1, 1, 0, 0], [0.4, 0.8, 0.3, 0.6]
    row = table2(performance(malignant, score, list("abcd"), {0.02: 0.5})).set_index("fnr").loc[0.02]
    assert (row["tnr"], row["transferred_tnr"], row["transferred_fnr"]) == (0.5, 0.5, 0.5)


def test_table2_of_one_class_is_undefined() -> None:
    table = table2(performance(np.ones(3, dtype=np.int64), [0.1, 0.2, 0.3], list("abc")))
    assert table[["tnr", "tnr_low", "tnr_high"]].isna().all(axis=None)


def test_figure6_holds_the_aucs_over_seeds_and_the_papers() -> None:
    table = figure6(FIGURE6_SCORES, FIGURE6_MALIGNANT, FIGURE6_PATIENTS).set_index(["backbone", "init"])
    assert list(table.index) == sorted(FIGURE6_SCORES)
    he = table.loc[("resnetv2_50", "he")]
    assert he["auc_mean"] == pytest.approx(
        np.mean([auc(FIGURE6_MALIGNANT, row) for row in FIGURE6_SCORES["resnetv2_50", "he"]])
    )
    assert (he["n_seeds"], he["paper_auc"], he["paper_spread"]) == (3, 0.762, 0.015)
    assert np.isnan(table.loc[("densenet161", "he"), "paper_auc"])


def test_figure6_names_the_recipe_of_the_weights_and_the_bar_without_any() -> None:
    cells = [("densenet169.tv_in1k", "he"), ("densenet169.tv_in1k", "imagenet"), ("resnetv2_152", "he")]
    cells.append(("resnetv2_50.a1h_in1k", "imagenet"))
    scores = dict.fromkeys(cells, FIGURE6_SCORES["resnetv2_50", "he"])
    table = figure6(scores, FIGURE6_MALIGNANT, FIGURE6_PATIENTS).set_index(["backbone", "init"])
    assert table["weights"].to_dict() == {
        ("densenet169", "he"): "",
        ("densenet169", "imagenet"): "tv_in1k",
        ("resnetv2_152", "he"): "",
        ("resnetv2_50", "imagenet"): "a1h_in1k",
    }
    assert table.loc[("densenet169", "imagenet"), "paper_auc"] == 0.782
    notes = figure6_notes(table.reset_index())
    assert re.search(r"a1h_in1k .* 2021 .* later than the paper; tv_in1k are torchvision's weights\.", notes[0])
    assert notes[1].startswith("resnetv2_152 from ImageNet weights is left out: timm has none")
    assert "no weights in timm" in [text.get_text() for text in figure6_figure(table.reset_index()).axes[0].texts]

    scores["resnetv2_152", "imagenet"] = scores["resnetv2_152", "he"]
    table = figure6(scores, FIGURE6_MALIGNANT, FIGURE6_PATIENTS)
    assert table.set_index(["backbone", "init"]).loc[("resnetv2_152", "imagenet"), "weights"] == "own file"
    assert "left out" not in " ".join(figure6_notes(table))


def test_backbones_that_differ_in_their_weights_keep_their_full_names() -> None:
    cells = [("resnetv2_50.a1h_in1k", "imagenet"), ("resnetv2_50.other", "imagenet")]
    scores = dict.fromkeys(cells, FIGURE6_SCORES["resnetv2_50", "he"])
    assert figure6(scores, FIGURE6_MALIGNANT, FIGURE6_PATIENTS)["backbone"].tolist() == [name for name, _ in cells]


def test_figure6_bars_reach_their_means() -> None:
    table = figure6(FIGURE6_SCORES, FIGURE6_MALIGNANT, FIGURE6_PATIENTS)
    axes = figure6_figure(table).axes[0]
    heights = sorted(bar.get_height() for bar in axes.patches)
    np.testing.assert_allclose(heights, sorted(table["auc_mean"]))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["densenet161", "resnetv2_50"]


def image_scores(seed: int) -> pd.DataFrame:
    labels, scores = np.random.default_rng(0), np.random.default_rng(seed + 1)
    table = pd.DataFrame({"image_id": [f"I{n}" for n in range(60)], "patient_id": [f"P{n // 4}" for n in range(60)]})
    for label in ("malignant", "benign"):
        table[label] = labels.integers(0, 2, 60)
        table[f"score_{label}"] = scores.uniform(size=60)
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


def test_context_table_holds_mean_spread_and_counts() -> None:
    tables = [image_scores(seed) for seed in range(3)]
    row = context_table({"breast": tables}).set_index("label").loc["benign"]
    aucs = [roc_auc_score(table["benign"], table["score_benign"]) for table in tables]
    assert row["auc_mean"] == pytest.approx(np.mean(aucs))
    assert row["auc_sd"] == pytest.approx(np.std(aucs, ddof=1))
    assert (row["n_seeds"], row["n_images"], row["n_showing"]) == (3, 60, tables[0]["benign"].sum())
    mean = sum(table.set_index("image_id")["score_benign"] for table in tables) / 3
    auc_of_mean = roc_auc_score(tables[0].set_index("image_id")["benign"].loc[mean.index], mean)
    assert row["auc_low"] < auc_of_mean < row["auc_high"]


def test_context_table_without_runs_is_empty() -> None:
    assert context_table({}).columns.tolist() == list(CONTEXT_COLUMNS)
    assert context_table({}).empty


def test_networks_of_either_labels_have_rows_of_their_own() -> None:
    breast, image = image_scores(0), image_scores(1)
    table = context_table({"breast": [breast], "image": [image]}).set_index(["labels", "label"])
    assert list(table.index) == [(kind, label) for kind in ("breast", "image") for label in ("malignant", "benign")]
    auc_of_image = roc_auc_score(image["benign"], image["score_benign"])
    assert table.loc[("image", "benign"), "auc_mean"] == pytest.approx(auc_of_image)


def test_context_runs_with_different_images_are_rejected() -> None:
    with pytest.raises(MammoError, match="did not score the same images"):
        context_table({"breast": [image_scores(0), image_scores(1).iloc[1:]]})
