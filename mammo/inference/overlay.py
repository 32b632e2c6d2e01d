"""The picture of a prediction: the mammogram with outline, crop windows and saliency map, and what the score means.

It shows the image as a viewer does, a right breast facing left, and is made to be read at a width of 1,000 pixels.
"""

from io import BytesIO
from textwrap import wrap

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from PIL import Image

from mammo.geometry import CORNERS, CropWindows, FrameChain
from mammo.inference.bundle_facts import BundleName
from mammo.inference.case_image import CaseImage
from mammo.inference.prediction import RESEARCH_USE, LesionPrediction
from mammo.records import FULL_SCALE, Floats, Pixels
from mammo.reporting.image_figures import HALO, WINDOW_BLUE
from mammo.reporting.result_figures import STYLE, figure_text

N_SHOWN = 10
"""Crop windows that are drawn."""

OUTLINE = "#ffd60a"
WIDTH_IN, HEIGHT_IN, DPI = 10.0, 6.4, 100
MARGIN = 1.5
"""Height and width of the enlarged part, as a multiple of what the outline and the windows need."""

BRIGHT = 0.5
"""Least upper end of the saliency color scale, so that pictures can be compared and a faint map looks faint."""

LINE = 52
"""Characters of a line of the text."""

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
    pixels, view = image.admitted.pixels, _View(prediction.chain, image.admitted.pixels.shape[1])
    with rc_context(STYLE | {"font.size": 9}):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, layout="constrained")
        (pictures, words), *_ = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.55, 1))
        slots = pictures.subplots(1, 3 if prediction.saliency is not None else 2, squeeze=False)[0]
        for axes in slots:
            axes.imshow(view.pixels(pixels), cmap="gray", vmin=0, vmax=FULL_SCALE, extent=view.extent(pixels))
            axes.set_axis_off()
        _draw_lesion(slots[0], prediction, view, n_windows=0)
        _show_all(slots[0], prediction, view, pixels)
        slots[0].set_title(f"{image.laterality} {image.view}")
        _draw_lesion(slots[1], prediction, view, N_SHOWN)
        _enlarge(slots[1], prediction, view)
        slots[1].set_title(f"{N_SHOWN} of {len(prediction.windows)} windows")
        if prediction.saliency is not None:
            _draw_saliency(slots[2], prediction.saliency[0], prediction, view)
            _show_all(slots[2], prediction, view, pixels)
        _write(words, prediction, bundle)
    return figure


def overlay_pixels(prediction: LesionPrediction, image: CaseImage, bundle: BundleName) -> NDArray[np.uint8]:
    """The pixels of overlay_figure, uint8 [H, W, 3], red, green and blue."""
    figure, file = overlay_figure(prediction, image, bundle), BytesIO()
    figure.savefig(file, format="png", dpi=DPI)
    figure.clear()  # a cleared figure frees its images at once
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


class _View:
    """From the frames of the networks to what is drawn: the breast box, mirrored back where the image was mirrored.

    Args:
        chain: of the image.
        width: of its store pixels.
    """

    def __init__(self, chain: FrameChain, width: int) -> None:
        self.chain, self.width = chain, width

    def pixels(self, pixels: Pixels) -> Pixels:
        """Store pixels [H, W] as they are drawn."""
        return pixels[:, ::-1] if self.chain.mirrored else pixels

    def extent(self, pixels: Pixels) -> tuple[float, float, float, float]:
        """Where the pixels are drawn: left, right, bottom, top."""
        return 0, pixels.shape[1], pixels.shape[0], 0

    def points(self, network: Floats) -> Floats:
        """Points [..., 2] (row, col), network px, as they are drawn."""
        found = network + self.chain.origin
        if self.chain.mirrored:
            found[..., 1] = self.width - found[..., 1]
        return found


def _rings(prediction: LesionPrediction, view: _View, n_windows: int) -> Floats:
    """Corners [n, 4, 2] (row, col) of the first windows, as they are drawn."""
    windows = CropWindows(prediction.windows[:n_windows])
    return view.points(windows.to_frame(np.array([CORNERS])))


def _outline(prediction: LesionPrediction, view: _View) -> tuple[NDArray[np.bool_], Floats]:
    """The outline's mask [h, w], with a margin of a pixel, and where the centers [h, w, 2] of its pixels are drawn."""
    mask, box = prediction.chain.mask_to_network(prediction.outline.mask, prediction.outline.box)
    padded = np.pad(mask, 1)
    rows, cols = np.mgrid[: padded.shape[0], : padded.shape[1]]
    return padded, view.points(np.stack([rows + box.row0 - 0.5, cols + box.col0 - 0.5], axis=-1).astype(np.float64))


def _draw_lesion(axes: Axes, prediction: LesionPrediction, view: _View, n_windows: int) -> None:
    mask, drawn = _outline(prediction, view)
    contour = axes.contour(drawn[..., 1], drawn[..., 0], mask, levels=[0.5], colors=OUTLINE, linewidths=1.3)
    contour.set_path_effects(HALO)
    for ring in _rings(prediction, view, n_windows) if n_windows else ():
        axes.fill(ring[:, 1], ring[:, 0], fill=False, edgecolor=WINDOW_BLUE, linewidth=0.8)


def _show_all(axes: Axes, prediction: LesionPrediction, view: _View, pixels: Pixels) -> None:
    """Show the breast, and the outline wherever it lies."""
    corners = np.concatenate([_outline(prediction, view)[1].reshape(-1, 2), [(0, 0), pixels.shape]])
    (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0)
    axes.set(xlim=(left, right), ylim=(bottom, top))


def _enlarge(axes: Axes, prediction: LesionPrediction, view: _View) -> None:
    """Show the part around the windows, in the proportions of the whole image's panel."""
    points = _rings(prediction, view, N_SHOWN).reshape(-1, 2)
    center, half = (points.min(axis=0) + points.max(axis=0)) / 2, np.ptp(points, axis=0).max() / 2 * MARGIN
    axes.set(xlim=(center[1] - half, center[1] + half), ylim=(center[0] + half, center[0] - half))


def _draw_saliency(axes: Axes, malignant: NDArray[np.float32], prediction: LesionPrediction, view: _View) -> None:
    """Draw the malignant saliency map [rows, cols] over the image, clear where it is 0."""
    frame = prediction.chain.frame
    corners = view.points(np.array([(0.0, 0.0), (frame.height, frame.width)]))
    (top, left), (bottom, right) = corners
    grid, most = malignant.astype(np.float64), max(BRIGHT, float(malignant.max()))
    axes.imshow(
        grid,
        cmap="inferno",
        vmin=0,
        vmax=most,
        extent=(left, right, bottom, top),
        interpolation="nearest",
        alpha=0.85 * np.sqrt(grid / most),
    )
    axes.set_title(f"malignant saliency\n(0 to 1, here up to {malignant.max():.2f})")
    _draw_lesion(axes, prediction, view, n_windows=0)


def _write(panel: SubFigure, prediction: LesionPrediction, bundle: BundleName) -> None:
    """Write the score and what it means, from the top."""
    panel.text(0.0, 0.97, f"Score {prediction.score:.3f}", fontsize=17, fontweight="bold", va="top")
    top = 0.89
    for text, family in (
        (_about(prediction), "sans-serif"),
        (_table(prediction), "monospace"),
        (_warning_lines(prediction), "sans-serif"),
    ):
        panel.text(0.0, top, "\n".join(text), fontsize=TEXT_PT, family=family, va="top", linespacing=SPACING)
        top -= (len(text) + 1) * TEXT_PT * SPACING / (HEIGHT_IN * 72)
    origin = f"{bundle.name}, {bundle.model}, trained on {', '.join(bundle.trained_on)}, bundle {bundle.digest[:12]}"
    foot = "\n".join([*wrap(figure_text(origin), LINE), *wrap(RESEARCH_USE, LINE)])
    panel.text(0.0, 0.01, foot, fontsize=TEXT_PT - 1, color="#444444", va="bottom", linespacing=SPACING)


def _about(prediction: LesionPrediction) -> list[str]:
    spread = f"SD {prediction.score_sd:.3f} over {len(prediction.windows)} windows"
    spread += "" if prediction.score_sd_seeds is None else f", {prediction.score_sd_seeds:.3f} over trainings"
    lines = [
        spread,
        f"Calibrated probability of cancer: {prediction.probability:.0%}",
        f"   (if {prediction.prevalence:.0%} of such lesions are cancers)",
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
    lines = ["FNR  threshold     validation          test", "     and score  avoided missed avoided missed"]
    for each in prediction.thresholds:
        facts, side = each.facts, "below" if each.below else "above"
        rates = (facts.tnr_validation, facts.fnr_validation, facts.tnr_test, facts.fnr_test)
        shares = "".join(f"{_percent(rate.value):>{width}}" for rate, width in zip(rates, (8, 7, 8, 7), strict=True))
        lines.append(f"{facts.fnr:3.0%} {facts.threshold:.3f} {side}{shares}")
    legend = ("FNR: false negative rate allowed on validation", "avoided: benign biopsies below the threshold")
    return [*lines, *legend, "missed: cancers below it"]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _warning_lines(prediction: LesionPrediction) -> list[str]:
    return [line for warning in prediction.warnings for line in wrap(warning, LINE, initial_indent="! ")]
