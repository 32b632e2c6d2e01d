"""Two curves of what a score is good for: calibration, and the decision curve."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mammo.reporting.result_figures import BLACK, BLUE, GREY, LOOK, VERMILION, Floats, Ints
from mammo.scoring.calibration import CalibrationCurve, calibration_curve
from mammo.scoring.decision_curve import DecisionCurve, decision_curve
from mammo.scoring.metrics import why_undefined


def curves_figure(score: Floats, malignant: Ints, patients: NDArray[np.object_], name: str) -> Figure:
    """Calibration and decision curve side by side, each with its pointwise 95 % patient-bootstrap intervals.

    Args:
        score: [N] in [0, 1].
        malignant: [N] in {0, 1}.
        patients: [N].
        name: of the score, for the legend.
    """
    with rc_context(LOOK):
        figure = Figure(figsize=(7.8, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _calibration(left, calibration_curve(malignant, score, patients))
        _decision(right, decision_curve(malignant, score, patients), malignant, name)
    return figure


def _calibration(axes: Axes, bins: CalibrationCurve) -> None:
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    axes.vlines(bins.mean_score, bins.low, bins.high, color=BLUE, linewidth=1.0)
    axes.plot(bins.mean_score, bins.malignant_share, "o-", color=BLUE, markersize=4, linewidth=1.2)
    sizes = "no lesion" if not bins.n.size else f"{bins.n.size} bins of {bins.n.min()} to {bins.n.max()} lesions"
    axes.set(xlim=(0, 1), ylim=(0, 1), title=f"Calibration, {sizes}")
    axes.set_xlabel("mean score of the bin")
    axes.set_ylabel("share of malignant lesions")


def _decision(axes: Axes, curve: DecisionCurve, malignant: Ints, name: str) -> None:
    axes.axhline(0, color=BLACK, linewidth=0.8, label="biopsy none")
    axes.plot(curve.preference, curve.everyone, color=GREY, linestyle=":", label="biopsy all")
    axes.fill_between(curve.preference, curve.low, curve.high, color=VERMILION, alpha=0.2, linewidth=0)
    axes.plot(curve.preference, curve.model, color=VERMILION, linestyle="--", linewidth=1.6, label=f"biopsy by {name}")
    reason = why_undefined(malignant)
    if reason:
        axes.text(0.5, 0.5, f"undefined: {reason}", transform=axes.transAxes, ha="center", va="center")
    else:
        top = float(curve.model.max())
        axes.set_ylim(-0.3 * top if top > 0 else -0.05, 1.15 * top if top > 0 else 0.05)
    axes.set(xlim=(0, 0.5), title=f"Decision curve, {int(malignant.sum())} of {malignant.size} malignant")
    axes.set_xlabel("chance from which one would biopsy")
    axes.set_ylabel("net benefit per lesion")
    axes.legend(loc="lower left", fontsize=8)
