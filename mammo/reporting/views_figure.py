"""Figure of views: what maps of the exam's other images add to sal+emb, their controls, and published gains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo.reporting.result_figures import BLUE, GRAY, STYLE, VERMILION, figure_text, table_counts
from mammo.reporting.views_table import PublishedGain

ROW_IN = 0.34
"""Height of a row."""


def views_figure(table: pd.DataFrame, published: Sequence[PublishedGain]) -> Figure:
    """Differences from sal+emb as dots with their 95 % intervals, and published gains below them.

    Args:
        table: as views_table.views_table; rows without a difference are left out, at least one has one.
        published: gains on other data.
    """
    rows = table[table["gain"].notna()]
    n = len(rows)
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, ROW_IN * (n + len(published) + 1) + 1.4), layout="constrained")
        axes = figure.add_subplot()
        axes.axvline(0, color="#cccccc", linewidth=0.8)
        control = (rows["context"] != "").to_numpy()
        _draw_gains(axes, rows, ~control, "this cohort, 95 % interval", BLUE, BLUE)
        _draw_gains(axes, rows, control, "control: wrong images", GRAY, "white")
        if rows["finding_gain"].notna().any():
            axes.plot(rows["finding_gain"], np.arange(n), "^", label="per finding", color=BLUE, markerfacecolor="white")
        below = np.arange(n + 1, n + 1 + len(published))
        gains = [each.with_context - each.without for each in published]
        words = "published, on other data and tasks"
        axes.plot(gains, below, "D", color=VERMILION, markerfacecolor="white", label=words)
        axes.axhline(n, color="#cccccc", linewidth=0.8, linestyle=":")
        names = [*map(_row_name, rows["maps"], rows["context"]), *(one.source for one in published)]
        axes.set_yticks([*range(n), *below], [figure_text(name) for name in names])
        axes.set_ylim(n + len(published) + 0.6, -0.6)
        axes.set_xlabel("AUC minus that of sal+emb; published: minus that without")
        axes.set_title(f"Test lesions: {table_counts(rows)}")
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def _draw_gains(axes: Axes, rows: pd.DataFrame, shown: NDArray[np.bool_], label: str, color: str, face: str) -> None:
    """Draw the differences of the rows that are shown, at their places among all rows."""
    if shown.any():
        gains, places = rows[shown], np.flatnonzero(shown)
        axes.hlines(places, gains["gain_low"], gains["gain_high"], color=color, linewidth=1.4)
        axes.plot(gains["gain"], places, "o", label=label, color=color, markerfacecolor=face)


def _row_name(maps: str, context: str) -> str:
    """A combination of maps, and of a control the maps that are wrong."""
    source, _, wrong = context.partition("-")
    if source == "shuffled":
        return f"{maps}, {wrong.replace('+', ' and ') or 'all maps of images'} wrong"
    return f"{maps}, {source}" if source else maps
