"""Figure 6: a bar a backbone and initialisation, with the paper's number where the paper prints one."""

import numpy as np
import pytest

from mammo.reporting.figure6 import figure6
from mammo.reporting.result_figures import figure6_figure
from mammo.scoring.metrics import auc

RNG = np.random.default_rng(0)
MALIGNANT, PATIENTS = RNG.integers(0, 2, 50), np.arange(50).astype(object)
SCORES = {
    ("resnetv2_50", "imagenet"): RNG.random((2, 50)),
    ("resnetv2_50", "he"): RNG.random((3, 50)),
    ("densenet161", "he"): RNG.random((1, 50)),
}


def test_rows_are_the_seeds_aucs_beside_the_papers() -> None:
    table = figure6(SCORES, MALIGNANT, PATIENTS).set_index(["backbone", "init"])
    assert list(table.index) == sorted(SCORES)
    he = table.loc[("resnetv2_50", "he")]
    assert he["auc_mean"] == pytest.approx(np.mean([auc(MALIGNANT, row) for row in SCORES["resnetv2_50", "he"]]))
    assert (he["n_seeds"], he["paper_auc"], he["paper_spread"]) == (3, 0.762, 0.015)
    assert np.isnan(table.loc[("densenet161", "he"), "paper_auc"])


def test_bars_reach_their_means() -> None:
    table = figure6(SCORES, MALIGNANT, PATIENTS)
    axes = figure6_figure(table).axes[0]
    heights = sorted(bar.get_height() for bar in axes.patches)
    np.testing.assert_allclose(heights, sorted(table["auc_mean"]))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["densenet161", "resnetv2_50"]
