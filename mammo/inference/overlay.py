"""The picture of a prediction: the mammogram with outline, crop windows and saliency map, and what the score means.

It shows the image as a viewer does, a right breast facing left, and is made to be read at a width of 1,000 pixels.
Where the networks read other images of the exam, these are shown below it.
"""

from collections.abc import Sequence
from io import BytesIO
from textwrap import wrap

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from PIL import Image

from mammo.inference.bundle_facts import BundleName
from mammo.inference.case_image import CaseImage
from mammo.inference.lesion_panels import N_SHOWN, DrawnImage, draw_lesion, draw_saliency, enlarge, show_all
from mammo.inference.other_image_panels import PANELS, draw_nipple, draw_other_image
from mammo.inference.prediction import RESEARCH_USE, LesionPrediction
from mammo.maps.view_sources import KINDS
from mammo.reporting.result_figures import STYLE, figure_text
from mammo.text import percent

WIDTH_IN, HEIGHT_IN, DPI = 10.0, 6.4, 100
OTHERS_IN, FOOT_IN, PICTURES_IN = 4.2, 0.5, 4.2
"""With other images of the exam: heights of their panels, and of the lines below them; least height of the others."""

SCORE_IN, TEXT_IN = 0.2, 0.7
"""Distance of the score, and of the text below it, from the upper edge."""

LINE = 52
"""Characters of a line of the text."""

WIDTHS = (8, 8, 9, 8)
"""Characters of the columns of rates, in which `100.0 %` stands apart from its neighbor."""

TEXT_PT, SPACING = 8.5, 1.4
"""Size of the text in points, and distance of its lines in sizes."""


def overlay_figure(prediction: LesionPrediction, image: CaseImage, bundle: BundleName) -> Figure:
    """Draw one lesion's prediction.

    Args:
        prediction: of the lesion.
        image: that it is on.
        bundle: that made the prediction.

    Returns:
        A figure 1,000 pixels wide at DPI; it names neither the patient nor the file.
    """
    with rc_context(STYLE | {"font.size": 9}):
        height = max(PICTURES_IN, _text_height(_text(prediction))) if prediction.others else HEIGHT_IN
        heights = (height, OTHERS_IN, FOOT_IN) if prediction.others else (height,)
        figure = Figure(figsize=(WIDTH_IN, sum(heights)), dpi=DPI, layout="constrained")
        top: Figure | SubFigure = figure
        if prediction.others:
            (top, below, foot), *_ = figure.subfigures(3, 1, squeeze=False, height_ratios=heights).T
            _draw_others(below, prediction, image)
            _write_foot(foot, bundle, 2 * LINE)
        (pictures, words), *_ = top.subfigures(1, 2, squeeze=False, width_ratios=(1.55, 1))
        _draw_image(pictures, prediction, image)
        _write(words, prediction, height)
        if not prediction.others:
            _write_foot(words, bundle, LINE)
        for axes in figure.axes if prediction.others else ():
            axes.set_anchor("NW")  # the panels of both rows begin at one height and at the left
    return figure


def _draw_image(panel: SubFigure, prediction: LesionPrediction, image: CaseImage) -> None:
    """Draw the lesion on its image: the whole of it, enlarged with windows, and with the saliency map."""
    drawn = DrawnImage(image.admitted.pixels, prediction.chain, prediction.chain.mirrored)
    n_windows = len(prediction.windows)
    slots = panel.subplots(1, 3 if prediction.saliency is not None else 2, squeeze=False)[0]
    for axes in slots:
        drawn.show(axes)
    draw_lesion(slots[0], prediction, drawn, n_windows=0)
    show_all(slots[0], prediction, drawn)
    slots[0].set_title(f"{image.laterality} {image.view}")
    pairs = [other.place.pair for other in prediction.others if other.place.pair]
    if pairs and pairs[0].own.nipple:
        draw_nipple(slots[0], pairs[0].own.nipple, drawn)
    draw_lesion(slots[1], prediction, drawn, N_SHOWN)
    enlarge(slots[1], prediction, drawn)
    slots[1].set_title(f"{min(N_SHOWN, n_windows)} of {n_windows} windows")
    if prediction.saliency is not None:
        malignant = prediction.saliency[0]
        draw_saliency(slots[2], malignant, drawn)
        draw_lesion(slots[2], prediction, drawn, n_windows=0)
        name = f"{image.laterality} {image.view}"
        slots[2].set_title(f"{name}, malignant saliency\n0 to 1, maximum {malignant.max():.2f}")
        show_all(slots[2], prediction, drawn)


def _draw_others(panel: SubFigure, prediction: LesionPrediction, image: CaseImage) -> None:
    """Draw the other images of the exam side by side."""
    slots = panel.subplots(1, PANELS * len(KINDS), squeeze=False)[0]
    for axes in slots:
        axes.set_axis_off()
    for number, other in enumerate(prediction.others):
        draw_other_image(slots[PANELS * number : PANELS * (number + 1)], other, prediction, image)


def overlay_pixels(prediction: LesionPrediction, image: CaseImage, bundle: BundleName) -> NDArray[np.uint8]:
    """The pixels of overlay_figure, uint8 [H, W, 3], red, green and blue."""
    figure, file = overlay_figure(prediction, image, bundle), BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    figure.clear()  # a cleared figure frees its images at once
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


Blocks = Sequence[tuple[Sequence[str], str]]
"""Blocks of lines, each in a font family."""


def _text(prediction: LesionPrediction) -> Blocks:
    """What the score means."""
    return (
        (_about(prediction), "sans-serif"),
        (_table(prediction), "monospace"),
        (_warning_lines(prediction), "sans-serif"),
    )


def _text_height(blocks: Blocks) -> float:
    """Height of the score and blocks of text, inches."""
    return TEXT_IN + sum(len(lines) + 1 for lines, _ in blocks) * TEXT_PT * SPACING / 72


def _write(panel: SubFigure, prediction: LesionPrediction, height: float) -> None:
    """Write the score and what it means, from the top of a panel of this height in inches."""
    score, blocks = f"Score {prediction.score:.3f}", _text(prediction)
    panel.text(0.0, 1 - SCORE_IN / height, score, fontsize=17, fontweight="bold", va="top")
    for number, (lines, family) in enumerate(blocks):
        top = 1 - _text_height(blocks[:number]) / height
        panel.text(0.0, top, "\n".join(lines), fontsize=TEXT_PT, family=family, va="top", linespacing=SPACING)


def _write_foot(panel: SubFigure, bundle: BundleName, width: int) -> None:
    """Write what made the prediction, and what it is for, at the bottom, in lines of so many characters."""
    origin = f"{bundle.name}, {bundle.model}, trained on {', '.join(bundle.trained_on)}, bundle {bundle.digest[:12]}"
    foot = "\n".join([*wrap(figure_text(origin), width), *wrap(RESEARCH_USE, width)])
    panel.text(0.004, 0.01, foot, fontsize=TEXT_PT - 1, color="#444444", va="bottom", linespacing=SPACING)


def _about(prediction: LesionPrediction) -> list[str]:
    spread = f"SD {prediction.score_sd:.3f} over {len(prediction.windows)} windows"
    spread += "" if prediction.score_sd_seeds is None else f", {prediction.score_sd_seeds:.3f} over trainings"
    lines = [
        spread,
        f"Calibrated probability of cancer: {percent(prediction.probability)}",
        f"   (if {percent(prediction.prevalence)} of such lesions are cancers)",
    ]
    if prediction.score_without_context is not None:
        lines.append(f"Without context (f_loc alone): {prediction.score_without_context:.3f}")
    changes = {name: value for name, value in prediction.outline_sensitivity.items() if value is not None}
    if changes:
        most = max(changes, key=lambda name: abs(changes[name]))
        lines.append(f"Largest change with the outline: {changes[most]:+.3f} ({most.replace('_', ' ')})")
    return lines


def _table(prediction: LesionPrediction) -> list[str]:
    """Each threshold, the score's side of it, and what lay below it of validation and test lesions."""
    lines = ["FNR    threshold     validation           test", "       and score  avoided  missed  avoided  missed"]
    for each in prediction.thresholds:
        facts, side = each.facts, "below" if each.below else "above"
        rates = (facts.tnr_validation, facts.fnr_validation, facts.tnr_test, facts.fnr_test)
        shares = "".join(f"{_known(rate.value):>{width}}" for rate, width in zip(rates, WIDTHS, strict=True))
        lines.append(f"{percent(facts.fnr, 0):>5} {facts.threshold:.3f} {side}{shares}")
    legend = ("FNR: false negative rate allowed on validation", "avoided: benign biopsies below the threshold")
    return [*lines, *legend, "missed: cancers below it"]


def _known(share: float | None) -> str:
    return "-" if share is None else percent(share)


def _warning_lines(prediction: LesionPrediction) -> list[str]:
    return [line for warning in prediction.warnings for line in wrap(warning, LINE, initial_indent="! ")]
