"""Compares the runs of a sweep: for each cell of the grid, the runs selected on validation, and all trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mammo.reporting.paper_settings import seeds_of
from mammo.reporting.report_columns import COMPARISON_COLUMNS, COMPARISON_FOLD_COLUMNS
from mammo.reporting.reported_runs import PooledRun, check_one_store, common_folds, pooled_runs, select_trials
from mammo.reporting.result_figures import BLUE, GRAY, STYLE, VERMILION, figure_text
from mammo.reporting.shared_lesions import share_lesions
from mammo.reporting.views_table import maps_order
from mammo.scoring.intervals import auc_interval
from mammo.scoring.number_text import UNDEFINED, number_text
from mammo.training.results import Run

TESTED: dict[str, Any] = {"marker": "o", "linestyle": "", "color": BLUE, "markersize": 5, "alpha": 0.6}
VALIDATION: dict[str, Any] = {"marker": "D", "linestyle": "", "color": VERMILION, "markersize": 4.5, "mfc": "white"}
MEAN: dict[str, Any] = {"marker": "|", "linestyle": "", "color": BLUE, "markersize": 13, "markeredgewidth": 2.5}
TRIED: dict[str, Any] = {"marker": "o", "linestyle": "", "color": GRAY, "markersize": 3, "alpha": 0.5}
"""Markers of a selected run's test and validation AUC, of the mean test AUC, and of the validation AUC of a trial that
was not selected."""

LR_MARGIN = 0.04
"""Margin of the learning-rate axis beyond whole decades, in decades, so that markers at its ends are not cut off."""


@dataclass(frozen=True)
class _Row:
    """The runs of one cell, and the selected run of each seed and fold."""

    model: str
    cell: str
    runs: Sequence[Run]
    selected: Sequence[Run]


def comparison_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The table of COMPARISON_COLUMNS, in the paper's order of maps, then by name.

    Raises:
        MammoError: as select_trials and check_one_store: means over runs of several stores say nothing.
    """
    check_one_store(runs)
    rows = []
    has_folds = any(run.fold is not None for run in runs)
    for row in _rows(runs):
        pools = pooled_runs(row.selected)
        tests = np.array([_known_mean([run.test_auc for run in pool.runs]) for pool in pools])
        best = max(row.selected, key=lambda run: np.nan_to_num(run.val_auc, nan=-1.0))
        val = float(np.mean([run.val_auc for run in row.selected]))
        sd = float(tests.std(ddof=1)) if len(tests) > 1 else float("nan")
        facts = (
            row.model,
            row.cell,
            _auc_of(row.model),
            len(pools),
            len(row.runs),
            val,
            float(tests.mean()),
            sd,
            best.lr,
            seeds_of(row.selected),
        )
        rows.append((*facts, *(_pooled_facts(pools) if has_folds else ())))
    return pd.DataFrame(rows, columns=[*COMPARISON_COLUMNS, *(COMPARISON_FOLD_COLUMNS if has_folds else [])])


def _known_mean(aucs: Sequence[float]) -> float:
    """The mean of the AUCs that are defined; NaN if none is."""
    known = [value for value in aucs if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def _pooled_facts(pools: Sequence[PooledRun]) -> tuple[float, ...]:
    """COMPARISON_FOLD_COLUMNS of the runs of one cell, one pool for each seed."""
    folds = common_folds(pools)
    kept = [pool.of_folds(folds) for pool in pools]
    if not all((run.folder / pool.scores_file).is_file() for pool in kept for run in pool.runs):
        return len(folds), float("nan"), float("nan"), float("nan")
    if kept[0].first.model == "context":
        first, *others = (pool.images().set_index("image_id") for pool in kept)
        score = np.mean([table.loc[first.index, "score_malignant"] for table in (first, *others)], axis=0)
        interval = auc_interval(first["malignant"], score, first["patient_id"])
    else:
        shared = share_lesions({pool.name: pool.lesions() for pool in kept})
        interval = auc_interval(shared.malignant, np.mean(list(shared.scores.values()), axis=0), shared.patients)
    return len(folds), interval.value, interval.low, interval.high


def comparison_figure(runs: Sequence[Run]) -> Figure:
    """One row for each cell: left, AUCs of the selected runs; right, in a search, every run by its learning rate.

    Args:
        runs: at least one.
    """
    rows = _rows(runs)
    searched = any(len({run.lr for run in row.runs}) > 1 for row in rows)
    with rc_context(STYLE):
        figure = Figure(figsize=(9.6 if searched else 6.4, 0.42 * len(rows) + 1.6), layout="constrained")
        left, *right = np.atleast_1d(figure.subplots(1, 1 + searched, sharey=True))
        for y, row in enumerate(rows):
            _draw_selected(left, y, row.selected, "_" * bool(y))
        left.set_yticks(range(len(rows)), [figure_text(_label(row)) for row in rows])
        left.set_ylim(len(rows) - 0.4, -0.6)
        left.set_xlabel("AUC of the selected runs" if searched else "AUC")
        if right:
            _draw_search(right[0], rows)
        for axes in (left, *right):
            axes.grid(axis="x", color="#eeeeee")
            axes.hlines(
                np.arange(len(rows) - 1) + 0.5, 0, 1, color="#dddddd", lw=0.6, transform=axes.get_yaxis_transform()
            )
            axes.set_axisbelow(True)
            axes.tick_params(colors=GRAY, labelcolor="black")
        figure.legend(loc="outside lower center", ncols=4 if searched else 3)
    return figure


def _draw_selected(axes: Axes, y: float, runs: Sequence[Run], hidden: str) -> None:
    """One cell's selected runs; the prefix "_" in hidden keeps repeated labels out of the legend."""
    tests, vals = [run.test_auc for run in runs], [run.val_auc for run in runs]
    each, over = ("seed", " over seeds") if runs[0].fold is None else ("run", "")
    axes.plot(vals, [y + 0.2] * len(vals), **VALIDATION, label=f"{hidden}validation, one mark per {each}")
    axes.plot(tests, [y - 0.12] * len(tests), **TESTED, label=f"{hidden}test, one dot per {each}")
    axes.plot([np.mean(tests)], [y - 0.12], **MEAN, label=f"{hidden}mean{over}, test")


def _draw_search(axes: Axes, rows: Sequence[_Row]) -> None:
    """Validation AUC against learning rate, each cell scaled to its own row, with its range beside the row."""
    for y, row in enumerate(rows):
        known = [run.val_auc for run in row.runs if not np.isnan(run.val_auc)]
        low, high = (min(known), max(known)) if known else (np.nan, np.nan)
        others = [run for run in row.runs if run not in row.selected]
        for group, style, label in ((others, TRIED, "trial not selected"), (row.selected, VALIDATION, "")):
            heights = [y + 0.3 - 0.6 * (run.val_auc - low) / max(high - low, 1e-9) for run in group]
            axes.plot([run.lr for run in group], heights, **style, label="_" * (y > 0 or not label) + label)
        limits = f"{number_text(high)}\n{number_text(low)}" if known else UNDEFINED
        axes.text(1.01, y, limits, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=GRAY)
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    rates = [run.lr for row in rows for run in row.runs if run.lr > 0]
    if rates:
        low, high = np.floor(np.log10(min(rates))), np.ceil(np.log10(max(rates)) + 1e-9)
        axes.set_xlim(10 ** (low - LR_MARGIN), 10 ** (high + LR_MARGIN))
    axes.set_xlabel("learning rate")
    axes.set_title("Validation AUC, each row from its minimum to its maximum")


def _rows(runs: Sequence[Run]) -> list[_Row]:
    """Every cell, in the paper's order of maps, then by name."""
    found = {(run.model, run.cell): (run.model, maps_order(run.maps), run.cell) for run in runs}
    rows = []
    for model, cell in sorted(found, key=lambda key: found[key]):
        in_cell = [run for run in runs if (run.model, run.cell) == (model, cell)]
        rows.append(_Row(model, cell, in_cell, select_trials(in_cell, lambda run: (run.model, run.cell))))
    return rows


def _auc_of(model: str) -> str:
    """What a model's AUC is over."""
    return "images" if model == "context" else "lesions"


def _label(row: _Row) -> str:
    """A cell's name, which says so if its AUC is over images."""
    return {"context": f"{row.cell} (AUC of images)", "floc": f"f_loc, {row.cell}", "fagg": row.cell}[row.model]
