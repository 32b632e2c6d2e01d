"""A sweep side by side: every cell of its grid with the runs selected on validation, and what the search drew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mammo.paper import MAPS
from mammo.reporting.result_figures import BLUE, GREY, STYLE, VERMILION
from mammo.reporting.run_selection import select_trials
from mammo.training.results import Run

COLUMNS = ["model", "cell", "auc_of", "n_seeds", "n_trials", "val_auc", "test_auc_mean", "test_auc_sd", "lr"]
"""A row a cell. auc_of: what the AUCs tell apart, lesions or, of the context network, images. val_auc: mean over seeds
of the selected runs' validation AUC; test_auc_mean and _sd: their test AUC, mean and standard deviation (divisor n - 1)
over seeds; n_trials: finished runs, selected or not; lr: of the selected run with the highest validation AUC."""

TESTED: dict[str, Any] = {"marker": "o", "linestyle": "", "color": BLUE, "markersize": 5, "alpha": 0.6}
VALIDATION: dict[str, Any] = {"marker": "D", "linestyle": "", "color": VERMILION, "markersize": 4.5, "mfc": "white"}
MEAN: dict[str, Any] = {"marker": "|", "linestyle": "", "color": BLUE, "markersize": 13, "markeredgewidth": 2.5}
TRIED: dict[str, Any] = {"marker": "o", "linestyle": "", "color": GREY, "markersize": 3, "alpha": 0.5}
"""Pens: of a selected run's test and validation AUC, of the mean of the former, and of the validation AUC of a trial
that was not selected."""

BESIDE = 0.04
"""How far the axis of learning rates reaches beyond whole decades, in decades: a mark at its end is drawn whole."""


@dataclass(frozen=True)
class _Row:
    """The runs of one cell, and those of them that count, one a seed."""

    model: str
    cell: str
    runs: Sequence[Run]
    chosen: Sequence[Run]


def comparison_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The table, in the paper's order of maps, then by name; the same runs give the same table.

    Raises:
        MammoError: as select_trials.
    """
    rows = []
    for row in _rows(runs):
        tests = np.array([run.test_auc for run in row.chosen])
        best = max(row.chosen, key=lambda run: np.nan_to_num(run.val_auc, nan=-1.0))
        val = float(np.mean([run.val_auc for run in row.chosen]))
        sd = float(tests.std(ddof=1)) if len(tests) > 1 else float("nan")
        counts = len(row.chosen), len(row.runs)
        rows.append((row.model, row.cell, _told_apart(row.model), *counts, val, float(tests.mean()), sd, best.lr))
    return pd.DataFrame(rows, columns=COLUMNS)


def comparison_figure(runs: Sequence[Run]) -> Figure:
    """A row a cell: left, AUCs of the selected runs; right, where rates were searched, every run over its rate.

    Args:
        runs: at least one.
    """
    rows = _rows(runs)
    searched = any(len({run.lr for run in row.runs}) > 1 for row in rows)
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6 if searched else 6.4, 0.42 * len(rows) + 1.6), layout="constrained")
        left, *right = np.atleast_1d(figure.subplots(1, 1 + searched, sharey=True))
        for place, row in enumerate(rows):
            _selected_row(left, place, row.chosen, "_" * bool(place))
        left.set_yticks(range(len(rows)), [_label(row) for row in rows])
        left.set_ylim(len(rows) - 0.4, -0.6)
        left.set_xlabel("AUC of the selected runs" if searched else "AUC")
        if right:
            _search(right[0], rows)
        for axes in (left, *right):
            axes.grid(axis="x", color="#eeeeee")
            axes.hlines(
                np.arange(len(rows) - 1) + 0.5, 0, 1, color="#dddddd", lw=0.6, transform=axes.get_yaxis_transform()
            )
            axes.set_axisbelow(True)
            axes.tick_params(colors=GREY, labelcolor="black")
        figure.legend(loc="outside lower center", ncols=4 if searched else 3)
    return figure


def _selected_row(axes: Axes, place: int, runs: Sequence[Run], hidden: str) -> None:
    """One cell's selected runs; hidden goes before the labels that the legend has already."""
    tests, vals = [run.test_auc for run in runs], [run.val_auc for run in runs]
    axes.plot(vals, [place + 0.2] * len(vals), **VALIDATION, label=f"{hidden}validation, a mark a seed")
    axes.plot(tests, [place - 0.12] * len(tests), **TESTED, label=f"{hidden}test, a dot a seed")
    axes.plot([np.mean(tests)], [place - 0.12], **MEAN, label=f"{hidden}mean over seeds, test")


def _search(axes: Axes, rows: Sequence[_Row]) -> None:
    """Validation AUC against learning rate, every cell within its own row, whose range is written beside it."""
    for place, row in enumerate(rows):
        known = [run.val_auc for run in row.runs if not np.isnan(run.val_auc)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        others = [run for run in row.runs if run not in row.chosen]
        for own, pen, label in ((others, TRIED, "trial not selected"), (row.chosen, VALIDATION, "")):
            heights = [place + 0.3 - 0.6 * (run.val_auc - low) / max(high - low, 1e-9) for run in own]
            axes.plot([run.lr for run in own], heights, **pen, label="_" * (place > 0 or not label) + label)
        told = f"{high:.3f}\n{low:.3f}"
        axes.text(1.01, place, told, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=GREY)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    rates = [run.lr for row in rows for run in row.runs if run.lr > 0]
    if rates:
        low, high = np.floor(np.log10(min(rates))), np.ceil(np.log10(max(rates)) + 1e-9)
        axes.set_xlim(10 ** (low - BESIDE), 10 ** (high + BESIDE))
    axes.set_xlabel("learning rate")
    axes.set_title("Validation AUC, each row from its lowest to its highest")


def _rows(runs: Sequence[Run]) -> list[_Row]:
    """Every cell, in the paper's order of maps, then by name."""
    maps = {name: place for place, name in enumerate(MAPS)}
    found = {(run.model, run.cell): (run.model, maps.get(run.maps, -1), run.cell) for run in runs}
    rows = []
    for model, cell in sorted(found, key=lambda key: found[key]):
        own = [run for run in runs if (run.model, run.cell) == (model, cell)]
        rows.append(_Row(model, cell, own, select_trials(own, lambda run: (run.model, run.cell))))
    return rows


def _told_apart(model: str) -> str:
    """What a model's AUCs tell apart."""
    return "images" if model == "context" else "lesions"


def _label(row: _Row) -> str:
    """A cell's name; AUCs of images are not to be read beside those of lesions unawares."""
    return {"context": f"{row.cell} (AUC of images)", "floc": f"f_loc, {row.cell}", "fagg": row.cell}[row.model]
