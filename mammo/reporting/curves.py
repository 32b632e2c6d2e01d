"""Two curves of what a score is good for: calibration, and the decision curve."""

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mammo.reporting.figures import BLACK, BLUE, GREY, LOOK, VERMILION, Floats, Ints
from mammo.scoring.calibration import calibration_curve
from mammo.scoring.decision_curve import decision_curve
from mammo.scoring.metrics import why_undefined


def curves_figure(score: Floats, malignant: Ints, name: str) -> Figure:
    """Calibration and decision curve side by side.

    Args:
        score: [N] in [0, 1].
        malignant: [N] in {0, 1}.
        name: of the score, for the legend.
    """
    with rc_context(LOOK):
        figure = Figure(figsize=(7.8, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _calibration(left, score, malignant)
        _decision(right, score, malignant, name)
    return figure


def _calibration(axes: Axes, score: Floats, malignant: Ints) -> None:
    bins = calibration_curve(malignant, score)
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=0.8)
    axes.plot(bins.mean_score, bins.malignant_share, "o-", color=BLUE, markersize=4, linewidth=1.2)
    axes.set(xlim=(0, 1), ylim=(0, 1), title=f"Calibration, {bins.n.size} bins")
    axes.set_xlabel(f"mean score of the bin (n = {malignant.size})")
    axes.set_ylabel("share of malignant lesions")


def _decision(axes: Axes, score: Floats, malignant: Ints, name: str) -> None:
    curve = decision_curve(malignant, score)
    axes.axhline(0, color=BLACK, linewidth=0.8, label="biopsy none")
    axes.plot(curve.preference, curve.everyone, color=GREY, linestyle=":", label="biopsy all")
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
