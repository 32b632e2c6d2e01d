"""Figures of results: ROC curves, Table 3 as dots, Figures 6 and 7 of the paper, calibration and decision curve.

Figures are made without pyplot, which keeps global state. Colors are the Okabe-Ito palette, which remains distinct
under the common color vision deficiencies; line styles and markers differ as well, for print in gray.
"""

from collections.abc import Iterable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo.io import atomic_write
from mammo.paper import MAPS, TABLE_2, TABLE_3
from mammo.records import Floats, Ints
from mammo.reporting.paper_tables import backbones_without_weights
from mammo.scoring.metrics import auc, roc, why_undefined
from mammo.scoring.number_text import number_text
from mammo.scoring.probability_curves import CalibrationCurve, DecisionCurve, calibration_curve, decision_curve
from mammo.scoring.thresholds import allowed_misses, tnr_at_fnr
from mammo.text import BLANKS, LINES, printable

BLUE, VERMILION, GREEN, GRAY, BLACK = "#0072B2", "#D55E00", "#009E73", "#777777", "#1a1a1a"
MAPS_STYLES = {"sal+emb": (BLUE, "-"), "emb": (VERMILION, "--"), "sal": (GREEN, "-."), "loc": (GRAY, ":")}
"""Color and line style of the main combinations of maps, in the order of the legend."""

OTHER_STYLES = (("#CC79A7", "-"), (BLACK, "--"), ("#E69F00", "-."), ("#56B4E9", ":"))
"""Color and line style of other models, repeated if there are more."""

DPI = 200
LAYOUT_DIGITS = 6
"""Decimals of places in a figure, as shares of its size."""

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "svg.hashsalt": "mammo",
}
"""matplotlib settings of every figure; the fixed salt makes the SVG files reproducible."""


def figure_text(text: str) -> str:
    """A text from a file as matplotlib shows it: printable, not read as a formula, and not left out of a legend."""
    shown = printable(text, kept=LINES + BLANKS).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def roc_figure(scores: Mapping[str, Floats], malignant: Ints) -> Figure:
    """ROC curves of the main combinations of maps.

    Args:
        scores: name to the seed-mean lesion score [N] in [0, 1]; of combinations of maps those in MAPS_STYLES are
            drawn, of other models all.
        malignant: [N] in {0, 1}.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(4.8, 4.6), layout="constrained")
        axes = figure.add_subplot(aspect="equal")
        axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
        for maps, (color, line) in _line_styles(scores).items():
            label = f"{figure_text(maps)}  AUC {number_text(auc(malignant, scores[maps]))}"
            axes.plot(*roc(malignant, scores[maps]), color=color, linestyle=line, linewidth=1.6, label=label)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), title=f"Test lesions: {_counts(malignant)}")
        axes.set_xlabel("false positive rate (benign lesions called malignant)")
        axes.set_ylabel("true positive rate (malignant lesions detected)")
        if not _write_undefined(axes, malignant):
            axes.legend(loc="lower right")
    return figure


def table3_figure(table: pd.DataFrame, others: pd.DataFrame | None = None) -> Figure:
    """Table 3 as dots: our AUC with its 95 % interval, and the paper's; below, those of other models.

    Args:
        table: as paper_tables.table3, at least one row.
        others: as other_models.other_models_table; None or empty without other models.
    """
    with rc_context(STYLE):
        names = [*table["maps"], *(() if others is None else others["model"])]
        figure = Figure(figsize=(6.4, 0.45 * len(names) + 1.5), layout="constrained")
        axes = figure.add_subplot()
        rows = np.arange(len(table), dtype=np.float64)
        axes.axvline(0.5, color="#cccccc", linewidth=0.8)
        axes.hlines(rows - 0.13, table["auc_low"], table["auc_high"], color=BLUE, linewidth=1.4)
        axes.plot(table["auc_mean"], rows - 0.13, "o", color=BLUE, label="this cohort: seed mean, 95 % interval")
        spread = np.array([TABLE_3[maps][1] for maps in table["maps"]])
        style: dict[str, Any] = {"fmt": "D", "color": VERMILION, "markerfacecolor": "white", "elinewidth": 1.0}
        axes.errorbar(table["paper_auc"], rows + 0.17, xerr=spread, label="paper, Table 3: ± as printed", **style)
        if others is not None and len(others):
            below = np.arange(len(table), len(names))
            axes.hlines(below, others["auc_low"], others["auc_high"], color=BLACK, linewidth=1.4)
            axes.plot(others["auc"], below, "s", color=BLACK, label="other models, 95 % interval")
        axes.set_yticks(range(len(names)), [figure_text(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.6)
        axes.set_xlabel("AUC, lesions malignant or benign (0.5: chance)")
        axes.set_title(f"Test lesions: {table_counts(table)}")
        axes.grid(axis="x", color="#eeeeee")
        axes.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=2)
    return figure


def figure6_figure(table: pd.DataFrame) -> Figure:
    """AUC of f_loc alone by backbone and initialization, with error bars (Figure 6).

    Args:
        table: as paper_tables.figure6, at least one row.
    """
    with rc_context(STYLE):
        backbones = list(dict.fromkeys(table["backbone"]))
        figure = Figure(figsize=(max(4.6, 1.1 * len(backbones) + 2.2), 3.6), layout="constrained")
        axes = figure.add_subplot()
        style: dict[str, Any] = {"color": BLACK, "capsize": 3, "linewidth": 1.0}
        for init, offset, color, hatch in (("he", -0.19, GRAY, "//"), ("imagenet", 0.19, BLUE, "")):
            rows = table[table["init"] == init]
            if rows.empty:
                continue
            x = np.array([backbones.index(name) for name in rows["backbone"]]) + offset
            errors = np.stack([rows["auc_mean"] - rows["auc_low"], rows["auc_high"] - rows["auc_mean"]]).clip(min=0)
            axes.bar(x, rows["auc_mean"], 0.34, color=color, hatch=hatch, edgecolor="white", label=f"init={init}")
            axes.errorbar(x, rows["auc_mean"], yerr=np.nan_to_num(errors), fmt="none", **style)
            axes.plot(x, rows["paper_auc"], "D", color=VERMILION, markerfacecolor="white")
        axes.plot([], [], "D", color=VERMILION, markerfacecolor="white", label="paper, where printed")
        for backbone in backbones_without_weights(table):
            place = backbones.index(backbone) + 0.19
            axes.text(place, 0.41, "no weights in timm", rotation=90, ha="center", va="bottom", fontsize=8, color=GRAY)
        axes.set_xticks(range(len(backbones)), [figure_text(name) for name in backbones])
        axes.set(xlim=(-0.6, len(backbones) - 0.4), ylim=(0.4, 1))
        axes.axhline(0.5, color="#cccccc", linewidth=0.8, zorder=0)
        axes.set_ylabel("AUC, f_loc alone (0.5: chance)")
        axes.set_title(f"Test lesions: {table_counts(table)}")
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def operating_figure(scores: Mapping[str, Floats], malignant: Ints, limit: float = 0.05) -> Figure:
    """True against false negative rate while at most a share `limit` of malignant lesions is missed (Figure 7).

    Args:
        scores: name to the seed-mean lesion score [N] in [0, 1]; of the combinations of maps emb and sal+emb are drawn,
            of other models all.
        malignant: [N] in {0, 1}.
        limit: right end of the axis.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.8), layout="constrained")
        axes = figure.add_subplot()
        if not _write_undefined(axes, malignant):
            n_malignant = int(malignant.sum())
            missed = np.arange(allowed_misses(n_malignant, limit) + 1) / n_malignant
            for maps, (color, line) in _line_styles(scores, ("sal+emb", "emb")).items():
                tnr = [tnr_at_fnr(malignant, scores[maps], rate) for rate in missed]
                steps = np.append(missed, limit), np.append(tnr, tnr[-1])
                axes.step(*steps, where="post", color=color, linestyle=line, linewidth=1.6, label=figure_text(maps))
            fnr, tnr_paper = [point.fnr for point in TABLE_2], [point.tnr for point in TABLE_2]
            axes.plot(fnr, tnr_paper, "D", color=BLACK, markerfacecolor="white", clip_on=False, label="paper, Table 2")
            axes.legend(loc="upper left")
        axes.set(xlim=(0, limit), title=f"Test lesions: {_counts(malignant)}")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("false negative rate (malignant lesions missed), at most")
        axes.set_ylabel("true negative rate (biopsies avoided)")
    return figure


def curves_figure(score: Floats, malignant: Ints, patients: NDArray[np.object_], name: str) -> Figure:
    """Calibration and decision curve side by side, with pointwise 95 % patient-bootstrap intervals.

    Args:
        score: [N] in [0, 1].
        malignant: [N] in {0, 1}.
        patients: [N].
        name: of the score, for the legend.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(7.8, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_calibration(left, calibration_curve(malignant, score, patients))
        _draw_decision(right, decision_curve(malignant, score, patients), malignant, name)
    return figure


def _draw_calibration(axes: Axes, bins: CalibrationCurve) -> None:
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    axes.vlines(bins.mean_score, bins.low, bins.high, color=BLUE, linewidth=1.0)
    axes.plot(bins.mean_score, bins.malignant_share, "o-", color=BLUE, markersize=4, linewidth=1.2)
    sizes = "no lesion" if not bins.n.size else f"{bins.n.size} bins of {bins.n.min()} to {bins.n.max()} lesions"
    axes.set(xlim=(0, 1), ylim=(0, 1), title=f"Calibration, {sizes}")
    axes.set_xlabel("mean score of the bin")
    axes.set_ylabel("share of malignant lesions")


def _draw_decision(axes: Axes, curve: DecisionCurve, malignant: Ints, name: str) -> None:
    axes.axhline(0, color=BLACK, linewidth=0.8, label="biopsy none")
    x = curve.threshold_probability
    axes.plot(x, curve.biopsy_all, color=GRAY, linestyle=":", label="biopsy all")
    axes.fill_between(x, curve.low, curve.high, color=VERMILION, alpha=0.2, linewidth=0)
    axes.plot(x, curve.model, color=VERMILION, linestyle="--", linewidth=1.6, label=f"biopsy by {figure_text(name)}")
    if not _write_undefined(axes, malignant):
        top = float(curve.model.max())
        axes.set_ylim(-0.3 * top if top > 0 else -0.05, 1.15 * top if top > 0 else 0.05)
    axes.set(xlim=(0, 0.5), title=f"Decision curve, {int(malignant.sum())} of {malignant.size} malignant")
    axes.set_xlabel("threshold probability for a biopsy")
    axes.set_ylabel("net benefit per lesion")
    axes.legend(loc="lower left", fontsize=8)


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write folder/name.png and folder/name.svg, each atomically; the same figure gives the same bytes."""
    with rc_context(STYLE):
        _fix_layout(figure)
        # Not savefig, which draws the figure once more for its layout, which is fixed by now.
        with atomic_write(folder / f"{name}.png") as png:
            FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})  # type: ignore[no-untyped-call]
        with atomic_write(folder / f"{name}.svg") as svg:
            FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]


def _fix_layout(figure: Figure) -> None:
    """Lay a figure out and keep that, rounded: the solver's last digits differ from run to run."""
    figure.set_dpi(DPI)
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    parts = list(figure.subfigs)
    while parts:
        part = parts.pop()
        part.bbox_relative.set_points(part.bbox_relative.get_points().round(LAYOUT_DIGITS))
        parts += part.subfigs
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, LAYOUT_DIGITS))


def table_counts(table: pd.DataFrame) -> str:
    """The numbers of malignant and benign lesions of a table with n_lesions and n_malignant, in words."""
    first = table.iloc[0]
    return f"{int(first['n_malignant'])} malignant, {int(first['n_lesions'] - first['n_malignant'])} benign"


def _line_styles(names: Iterable[str], maps: Iterable[str] = MAPS_STYLES) -> dict[str, tuple[str, str]]:
    """Color and line style by name: of these combinations of maps, and of every name that is no combination."""
    given = list(names)
    found = {name: MAPS_STYLES[name] for name in maps if name in given}
    further = [name for name in given if name not in MAPS]
    styles = OTHER_STYLES if found else (*MAPS_STYLES.values(), *OTHER_STYLES)
    return found | dict(zip(further, cycle(styles), strict=False))


def _counts(malignant: Ints) -> str:
    return f"{int(malignant.sum())} malignant, {int((1 - malignant).sum())} benign"


def _write_undefined(axes: Axes, malignant: Ints) -> bool:
    """Write into the axes why no curve is defined; False if curves are defined."""
    reason = why_undefined(malignant)
    if reason:
        axes.text(0.5, 0.5, f"undefined: {reason}", transform=axes.transAxes, ha="center", va="center")
    return bool(reason)
