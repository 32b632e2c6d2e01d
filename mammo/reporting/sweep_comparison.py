"""A sweep side by side: every cell of its grid with the runs selected on validation, and what the search drew."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mammo.reporting.figures import GREY, LOOK
from mammo.reporting.paper import MAPS
from mammo.reporting.run_folder import Run, selected

COLUMNS = ["model", "cell", "auc_of", "n_seeds", "n_trials", "val_auc", "test_auc_mean", "test_auc_sd", "lr"]
"""A row a cell. auc_of: what the AUCs tell apart, lesions or, of the context network, images. val_auc: mean over seeds
of the selected runs' validation AUC; test_auc_mean and _sd: their test AUC, mean and standard deviation (divisor n - 1)
over seeds; n_trials: finished runs, selected or not; lr: of the selected run with the highest validation AUC."""


def comparison_table(runs: Sequence[Run]) -> pd.DataFrame:
    """The table, in the paper's order of maps, then by name; the same runs give the same table.

    Raises:
        MammoError: as run_folder.selected.
    """
    rows = []
    for model, cell in _cells(runs):
        own = [run for run in runs if (run.model, run.cell) == (model, cell)]
        chosen = selected(own, lambda run: (run.model, run.cell))
        tests = np.array([run.test_auc for run in chosen])
        best = max(chosen, key=lambda run: np.nan_to_num(run.val_auc, nan=-1.0))
        val = float(np.mean([run.val_auc for run in chosen]))
        sd = float(tests.std(ddof=1)) if len(tests) > 1 else float("nan")
        rows.append((model, cell, _told_apart(model), len(chosen), len(own), val, float(tests.mean()), sd, best.lr))
    return pd.DataFrame(rows, columns=COLUMNS)


def comparison_figure(runs: Sequence[Run]) -> Figure:
    """Left, the selected runs' test AUC; right, the validation AUC of every run against its learning rate.

    Args:
        runs: at least one.
    """
    cells = _cells(runs)
    colours = dict(zip(cells, colormaps["viridis"](np.linspace(0, 0.9, len(cells))), strict=True))
    with rc_context(LOOK):
        figure = Figure(figsize=(9.0, 0.35 * len(cells) + 2.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        for place, (model, cell) in enumerate(cells):
            own = [run for run in runs if (run.model, run.cell) == (model, cell)]
            tests = [run.test_auc for run in selected(own, lambda run: (run.model, run.cell))]
            pen: dict[str, Any] = {"color": colours[model, cell]}
            left.plot(tests, [place] * len(tests), "o", markersize=4, alpha=0.6, **pen)
            left.plot([np.mean(tests)], [place], "|", markersize=16, markeredgewidth=2.5, **pen)
            pen["label"] = _label(model, cell)
            right.plot([run.lr for run in own], [run.val_auc for run in own], "o", markersize=4, **pen)
        left.set_yticks(range(len(cells)), [_label(*cell) for cell in cells])
        left.invert_yaxis()
        left.set_xlabel("test AUC of the selected runs: one dot a seed, bar: mean")
        right.set_xscale("log")
        right.xaxis.set_minor_formatter(NullFormatter())
        rates = [run.lr for run in runs if run.lr > 0]
        if rates:
            right.set_xlim(10 ** np.floor(np.log10(min(rates))), 10 ** np.ceil(np.log10(max(rates)) + 1e-9))
        right.set_xlabel("learning rate")
        right.set_ylabel("validation AUC: one dot a run")
        for axes in (left, right):
            _grid(axes)
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _cells(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Model and cell of every row."""
    maps = {name: place for place, name in enumerate(MAPS)}
    found = {(run.model, run.cell): (run.model, maps.get(run.maps, -1), run.cell) for run in runs}
    return sorted(found, key=lambda cell: found[cell])


def _told_apart(model: str) -> str:
    """What a model's AUCs tell apart."""
    return "images" if model == "context" else "lesions"


def _label(model: str, cell: str) -> str:
    """A cell's name; AUCs of images are not to be read beside those of lesions unawares."""
    return f"{cell} (AUC of images)" if _told_apart(model) == "images" else cell


def _grid(axes: Axes) -> None:
    axes.grid(color="#eeeeee")
    axes.set_axisbelow(True)
    axes.tick_params(colors=GREY, labelcolor="black")
