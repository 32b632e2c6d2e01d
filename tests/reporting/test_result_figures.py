"""Figures of results show the metrics that they name, and say so where these are undefined."""

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from mammo.reporting.paper_tables import table3
from mammo.reporting.report_columns import OTHER_COLUMNS
from mammo.reporting.result_figures import curves_figure, operating_figure, roc_figure, save, table3_figure
from mammo.scoring.metrics import auc
from mammo.scoring.probability_curves import decision_curve
from mammo.text import printable

RNG = np.random.default_rng(0)
MALIGNANT = RNG.integers(0, 2, 60)
SCORES = {maps: (MALIGNANT + RNG.normal(size=60)) / 6 + 0.5 for maps in ("loc", "emb", "sal", "sal+emb")}
SCORE = np.random.default_rng(1).random(60)
PATIENTS = np.array([f"P{i // 2}" for i in range(60)], dtype=object)


def texts(figure: Figure) -> str:
    return " ".join(t.get_text() for t in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_roc_names_each_curve_with_its_auc_and_n() -> None:
    figure = roc_figure(SCORES, MALIGNANT)
    shown = texts(figure)
    for maps, score in SCORES.items():
        assert f"{maps}  AUC {auc(MALIGNANT, score):.3f}" in shown
    assert f"{MALIGNANT.sum()} malignant, {60 - MALIGNANT.sum()} benign" in shown


@pytest.mark.parametrize("draw", [roc_figure, operating_figure])
def test_models_without_maps_are_drawn_by_their_names(draw: Callable[..., Figure]) -> None:
    figure = draw({"f_loc alone": SCORE}, MALIGNANT)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[0].split("  AUC")[0] == "f_loc alone"


@pytest.mark.parametrize("name", ["_mine\x1b[2J\u202e", r"$\x$", "<b>--></b> $5 and $6"])
def test_names_of_models_are_shown_as_they_are_and_do_not_act(name: str, tmp_path: Path) -> None:
    table = table3({"emb": SCORE[None]}, MALIGNANT, PATIENTS, {"emb": ""})
    other = pd.DataFrame([(name, 0.5, 0.4, 0.6, 0.0, 0.0, 0.0, 1.0, 1.0)], columns=list(OTHER_COLUMNS))
    figures = [draw({name: SCORE}, MALIGNANT) for draw in (roc_figure, operating_figure)]
    figures += [table3_figure(table, other), curves_figure(SCORE, MALIGNANT, PATIENTS, name)]
    for number, figure in enumerate(figures):
        save(figure, tmp_path, str(number))
        drawn = ElementTree.parse(
            tmp_path / f"{number}.svg", ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
        )
        shown = "\n".join(each.text or "" for each in drawn.iter() if each.tag is ElementTree.Comment)
        assert shown.replace("\n", "").isprintable()
        assert escape(printable(name)).replace("--", "- -") in shown


def test_operating_curve_holds_its_value_until_the_next_miss() -> None:
    malignant = np.repeat([1, 0], [40, 4])
    score = np.concatenate([np.arange(40) / 100, [0.005, 0.015, 0.5, 0.6]])
    line = operating_figure({"sal+emb": score}, malignant).axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 0.025, 0.05, 0.05])
    np.testing.assert_allclose(line.get_ydata(), [0, 0.25, 0.5, 0.5])


def test_table3_figure_draws_our_aucs_and_the_papers() -> None:
    patients = np.arange(60).astype(object)
    table = table3(
        {maps: score[None] for maps, score in SCORES.items()}, MALIGNANT, patients, dict.fromkeys(SCORES, "")
    )
    axes = table3_figure(table).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["loc", "emb", "sal", "sal+emb"]
    ours = next(line for line in axes.lines if line.get_marker() == "o")
    np.testing.assert_allclose(ours.get_xdata(), table["auc_mean"])


@pytest.mark.parametrize("draw", [roc_figure, operating_figure])
@pytest.mark.parametrize("label", [0, 1])
def test_curves_of_one_class_are_undefined(draw: Callable[..., Figure], label: int, tmp_path: Path) -> None:
    figure = draw(SCORES, np.full(60, label))
    assert "undefined: no" in texts(figure)
    save(figure, tmp_path, "f")


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(roc_figure(SCORES, MALIGNANT), tmp_path, name)
    for suffix in ("png", "svg"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_the_last_digits_of_a_layout_change_no_byte_and_every_clip_path_stays_its_own(tmp_path: Path) -> None:
    """The solver of constrained layouts ends in other last digits from run to run."""
    for name, shift in (("a", 0), ("b", 1e-13)):
        figure = Figure()
        for left in (0.10314159265, 0.60173205081):
            axes = figure.add_axes((left + shift, 0.10132118364 + shift, 0.30190476, 0.8003))
            axes.plot([0, 1], [0, 1])
        save(figure, tmp_path, name)
    first, second = ((tmp_path / f"{name}.svg").read_text(encoding="utf-8") for name in "ab")
    assert first == second
    made = re.findall('clipPath id="(.*?)"', first)
    assert len(set(made)) == 2
    assert set(re.findall('clip-path="url\\(#(.*?)\\)', first)) == set(made)


def test_a_table_without_intervals_is_still_drawn(tmp_path: Path) -> None:
    table = table3({"emb": SCORES["emb"][None]}, np.ones(60, dtype=np.int64), np.arange(60).astype(object), {"emb": ""})
    assert isinstance(table, pd.DataFrame)
    save(table3_figure(table), tmp_path, "t")


def test_calibration_and_decision_curve_are_drawn() -> None:
    left, right = curves_figure(SCORE, MALIGNANT, PATIENTS, "emb").axes
    np.testing.assert_allclose(np.sort(left.lines[1].get_xdata()), left.lines[1].get_xdata())
    curve = decision_curve(MALIGNANT, SCORE, PATIENTS)
    line = next(line for line in right.lines if line.get_label() == "biopsy by emb")
    np.testing.assert_allclose(line.get_ydata(), curve.model)
    edge = right.collections[0].get_paths()[0].vertices
    assert {*curve.low} | {*curve.high} <= {*edge[:, 1]}
    assert f"{MALIGNANT.sum()} of 60 malignant" in right.get_title(loc="left")


@pytest.mark.parametrize("label", [0, 1])
def test_calibration_and_decision_curves_of_one_class_are_undefined(label: int, tmp_path: Path) -> None:
    figure = curves_figure(SCORE, np.full(60, label), PATIENTS, "emb")
    assert "undefined: no" in " ".join(text.get_text() for text in figure.axes[1].texts)
    save(figure, tmp_path, "f")
