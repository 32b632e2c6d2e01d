"""Calibration and decision curve: drawn where they exist, told undefined where not."""

from pathlib import Path

import numpy as np
import pytest

from mammo.reporting.curves import curves_figure
from mammo.reporting.result_figures import save
from mammo.scoring.decision_curve import decision_curve

RNG = np.random.default_rng(0)
MALIGNANT, SCORE = RNG.integers(0, 2, 60), RNG.random(60)
PATIENTS = np.array([f"P{i // 2}" for i in range(60)], dtype=object)


def test_both_curves_are_the_metrics() -> None:
    left, right = curves_figure(SCORE, MALIGNANT, PATIENTS, "emb").axes
    np.testing.assert_allclose(np.sort(left.lines[1].get_xdata()), left.lines[1].get_xdata())
    curve = decision_curve(MALIGNANT, SCORE, PATIENTS)
    drawn = next(line for line in right.lines if line.get_label() == "biopsy by emb")
    np.testing.assert_allclose(drawn.get_ydata(), curve.model)
    edge = right.collections[0].get_paths()[0].vertices
    assert {*curve.low} | {*curve.high} <= {*edge[:, 1]}
    assert f"{MALIGNANT.sum()} of 60 malignant" in right.get_title(loc="left")


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_says_undefined(label: int, tmp_path: Path) -> None:
    figure = curves_figure(SCORE, np.full(60, label), PATIENTS, "emb")
    assert "undefined: no" in " ".join(text.get_text() for text in figure.axes[1].texts)
    save(figure, tmp_path, "f")
