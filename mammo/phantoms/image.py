"""One synthetic image, from plan to stored 12-bit gray values: tissue, lesions, cues, noise and marker."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import CELL_PX, SKIN_PX, BreastShape, draw_shape, skin_line
from mammo.phantoms.benign_structures import draw_benign_structures
from mammo.phantoms.canvas import Canvas, Plane, stored_shape
from mammo.phantoms.clusters import draw_cluster
from mammo.phantoms.context_cues import cue_weights, draw_cues, draw_shown
from mammo.phantoms.detector import Detector, draw_detector, draw_exposure, expose
from mammo.phantoms.findings import Breast, Finding, Lesion, draw_breast, draw_lesions
from mammo.phantoms.lesion_shape import Form, draw_form, outline
from mammo.phantoms.soft_tissue_lesions import draw_distortion, draw_mass
from mammo.phantoms.spec import CohortSpec, Key, Purpose
from mammo.phantoms.tissue import draw_tissue
from mammo.records import Laterality, View

EDGE_PX = CELL_PX / 2 + 1
"""Largest skin depth at the edge of a pixel that is still air, full-size px.

The zero of the skin depth lies half a cell of its grid outside the breast; pixels of scale 1/3 or more are finer.
"""

MAX_ABSORPTION = 0.75
"""Largest share of the transmitted light that a lesion absorbs, so that nothing turns white."""

LETTER_PX, STROKE_PX = 76, 8
"""Height of the marker's capitals and width of its strokes, full-size px (5.3 mm, 0.6 mm)."""

MARKER_EDGE_PX, TOP_PX, JITTER_PX = 90, 210, 50
"""Distance of the marker from the edge off the chest wall and from the top, and jitter of the latter, full-size px."""

MARKER_GRAY = 3700

FONT = cv2.FONT_HERSHEY_SIMPLEX
CAPITAL_PX = 21.0
"""Height of the font's capitals at its scale 1, px."""

DrawLesion = Callable[[np.random.Generator, Lesion, Form, Canvas, Plane, float], Plane]

DRAW_FINDING: dict[Finding, DrawLesion] = {
    Finding.MASS: draw_mass,
    Finding.DISTORTION: draw_distortion,
    Finding.CALCIFICATION: draw_cluster,
}


@dataclass(frozen=True)
class ImagePlan:
    """Content of one image, before any pixel is drawn.

    Attributes:
        key: owner of the image's random numbers: seed, patient, laterality, view.
        detector: the mammography unit.
        scale: stored pixels of that unit per full-size pixel.
        breast: the breast it shows.
        shown: what its context cues show of the latent c of its breast in this view.
        shape: outer shape of the breast in this view.
        lesions: its lesions.
    """

    key: Key
    detector: Detector
    scale: float
    breast: Breast
    shown: float
    shape: BreastShape
    lesions: tuple[Lesion, ...]

    @property
    def nipple(self) -> tuple[float, float]:
        """Tip of the nipple (row, col) in the stored image; (0, 0) is the corner of its first pixel."""
        row, col = (self.scale * position for position in self.shape.nipple_tip)
        return row, col if self.key.laterality is Laterality.LEFT else stored_shape(self.scale)[1] - col


@dataclass(frozen=True, eq=False)
class Phantom:
    """One drawn image.

    Attributes:
        pixels: uint16 [rows, cols] presentation values 0 (background) to 4095, in the stored frame: the chest wall is
            at column 0 for a left breast and at the last column for a right one.
        masks: bool [rows, cols], one outline for each lesion of the plan, in the same frame.
        cue_share: share of the breast's pixels with full context cues.
    """

    pixels: NDArray[np.uint16]
    masks: tuple[NDArray[np.bool_], ...]
    cue_share: float


def plan_image(spec: CohortSpec, patient: int, laterality: Laterality, view: View) -> ImagePlan:
    """Decide what an image shows, without drawing pixels; patients count from 1."""
    breast = draw_breast(spec, patient, laterality, view)
    key = Key(spec.seed, patient, laterality, view)
    shape = draw_shape(key)
    detector, shown = draw_detector(key), draw_shown(key, breast.context)
    lesions = draw_lesions(breast, view, shape)
    return ImagePlan(key, detector, detector.scale(spec.scale), breast, shown, shape, lesions)


def draw_image(plan: ImagePlan) -> Phantom:
    """Draw the pixels of a plan; a pure function of the plan."""
    tissue = draw_tissue(plan.key, plan.shape, plan.breast.density, plan.scale)
    draw_benign_structures(plan.key, plan.shape, tissue)
    masks = [outline(plan.key, lesion, tissue.canvas) for lesion in plan.lesions]
    for lesion in plan.lesions:
        draw_lesion(plan.key, lesion, tissue.canvas, tissue.brightness)
    weights = cue_weights(plan.key, plan.lesions, tissue.canvas)
    brightness = tissue.brightness * tissue.falloff + skin_line(tissue.skin_depth, SKIN_PX) * tissue.skin_factor
    brightness = brightness + draw_cues(plan.key, plan.shown, plan.shape, tissue, brightness, weights)
    noise = plan.key.rng(Purpose.NOISE).standard_normal(brightness.shape, dtype=np.float32)
    noise *= np.float32(draw_exposure(plan.key))
    inside = tissue.skin_depth > max(EDGE_PX - 1 / plan.scale, 0)
    gray = np.where(inside, expose(plan.detector, brightness, noise, plan.scale), 0).astype(np.uint16)
    left = plan.key.laterality is Laterality.LEFT
    planes = [tissue.canvas.in_frame(plane) for plane in (gray, *masks)]
    planes = [plane if left else np.ascontiguousarray(plane[:, ::-1]) for plane in planes]
    pixels, outlines = planes[0].astype(np.uint16), planes[1:]
    draw_marker(plan.key, plan.detector, pixels, plan.scale)
    share = float((weights[inside] >= 1).mean())
    return Phantom(pixels, tuple(outline.astype(np.bool_) for outline in outlines), share)


def draw_lesion(key: Key, lesion: Lesion, canvas: Canvas, tissue: Plane) -> None:
    """Draw a lesion into the tissue's brightness [height, width], in place.

    Brightness is 1 less the transmitted light. The lesion absorbs a share of that light, more in bright surroundings,
    where it would otherwise lose contrast. All random numbers are drawn before the latent v is used, so two lesions
    with equal draws and equal v look equal, whatever their labels.
    """
    at = canvas.around(lesion.site.row, lesion.site.col, 1.2 * lesion.site.radius)
    local = min(float(tissue[at].mean()), 0.8)
    brightness = lesion.contrast * (0.50 + 0.40 * local)
    rng = key.rng(Purpose.APPEARANCE, lesion.number)
    added = DRAW_FINDING[lesion.finding](rng, lesion, draw_form(key, lesion), canvas, tissue, brightness)
    part = canvas.around(lesion.site.row, lesion.site.col, 3.2 * lesion.site.radius)
    absorbed = np.float32(MAX_ABSORPTION) * np.tanh(added[part] * np.float32(1 / (MAX_ABSORPTION * (1 - local))))
    tissue[part] += absorbed * (1 - np.minimum(tissue[part], 1))


def draw_marker(key: Key, detector: Detector, pixels: NDArray[np.uint16], scale: float) -> None:
    """Write laterality and view in bright letters on an image in the stored frame, never mirrored.

    Args:
        key: the image.
        detector: the unit, which decides the layout.
        pixels: gray values uint16 [rows, cols], 0 to 4095, changed in place: the upper corner off the breast.
        scale: stored pixels per full-size pixel.
    """
    assert key.laterality is not None
    assert key.view is not None
    side, view = key.laterality.value, key.view.value
    lines = (side, view) if detector.letter_boxed else (f"{side} {view}",)
    step = LETTER_PX * scale
    size, stroke = step / CAPITAL_PX, max(1, round(STROKE_PX * scale))
    widths = [cv2.getTextSize(line, FONT, size, stroke)[0][0] for line in lines]
    jitter = key.rng(Purpose.DETECTOR).uniform(-JITTER_PX, JITTER_PX)
    top, edge = (TOP_PX + jitter) * scale, MARKER_EDGE_PX * scale
    letters = np.zeros(pixels.shape, dtype=np.uint8)
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        left = pixels.shape[1] - edge - width if key.laterality is Laterality.LEFT else edge
        base = round(top + step * (1 + 1.5 * number))
        cv2.putText(letters, line, (round(left), base), FONT, size, 255, stroke, cv2.LINE_AA)
        if detector.letter_boxed and number == 0:
            gap = round(0.25 * step)
            corners = (round(left) - gap, round(top) - gap), (round(left) + width + gap, base + gap)
            cv2.rectangle(letters, *corners, 255, stroke)
    np.maximum(pixels, np.round(letters * (MARKER_GRAY / 255)).astype(np.uint16), out=pixels)
