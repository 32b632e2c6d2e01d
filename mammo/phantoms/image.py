"""One synthetic image, from plan to pixels: what is in it, and the stored 12-bit grey values."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import CELL_PX, SKIN_PX, Shape, draw_shape, skin_line
from mammo.phantoms.benign_structures import draw_lookalikes
from mammo.phantoms.canvas import Canvas, Plane
from mammo.phantoms.clusters import draw_cluster
from mammo.phantoms.context_cues import cue_room, draw_cues
from mammo.phantoms.detector import Detector, draw_detector, draw_exposure, exposed
from mammo.phantoms.distortion import draw_distortion
from mammo.phantoms.findings import Breast, Finding, Lesion, draw_breast, draw_lesions
from mammo.phantoms.lesion_shape import Form, draw_form, outline
from mammo.phantoms.masses import draw_mass
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.spec import CohortSpec
from mammo.phantoms.tissue import draw_tissue
from mammo.records import Laterality, View

EDGE_PX = CELL_PX / 2 + 1
"""How far a pixel may reach over the zero of the skin's depth, full-size px, and still be air.

That zero lies half a cell of the depth's grid outside of the breast; pixels from a third of full size on are finer.
"""


@dataclass(frozen=True)
class ImagePlan:
    """What one image will show.

    Attributes:
        key: owner of the image's random numbers: seed, patient, laterality, view.
        detector: the unit that takes it.
        scale: that unit's stored pixels per full-size pixel.
        breast: the breast it shows.
        shape: its outer form in this view.
        lesions: its lesions, numbered from 1.
    """

    key: Key
    detector: Detector
    scale: float
    breast: Breast
    shape: Shape
    lesions: tuple[Lesion, ...]


@dataclass(frozen=True, eq=False)
class Phantom:
    """One drawn image.

    Attributes:
        pixels: uint16 [rows, cols] presentation values 0 (background) to 4095, in the stored frame: the chest wall is
            at column 0 for a left breast and at the last column for a right one.
        masks: bool [rows, cols], one outline for each lesion of the plan, in the same frame.
        cue_share: share of the breast's pixels that may carry whole context cues.
    """

    pixels: NDArray[np.uint16]
    masks: tuple[NDArray[np.bool_], ...]
    cue_share: float


def plan_image(spec: CohortSpec, patient: int, laterality: Laterality, view: View) -> ImagePlan:
    """Decide what the image shows; patients count from 1. Quick: no pixel is drawn."""
    breast = draw_breast(spec, patient, laterality)
    key = Key(spec.seed, patient, laterality, view)
    shape = draw_shape(key)
    detector = draw_detector(key)
    return ImagePlan(key, detector, detector.scale(spec.scale), breast, shape, draw_lesions(breast, key, shape))


def draw_image(plan: ImagePlan) -> Phantom:
    """Draw what was planned; the result is a pure function of the plan."""
    tissue = draw_tissue(plan.key, plan.shape, plan.breast.density, plan.scale)
    draw_lookalikes(plan.key, plan.shape, tissue)
    masks = [outline(plan.key, lesion, tissue.canvas) for lesion in plan.lesions]
    for lesion in plan.lesions:
        draw_lesion(plan.key, lesion, tissue.canvas, tissue.value)
    room = cue_room(plan.key, plan.lesions, tissue.canvas)
    cues, skin = draw_cues(plan.key, plan.breast.context, plan.shape, tissue, room)
    skin = (skin_line(tissue.skin_depth, SKIN_PX) + skin) * tissue.skin_light
    bright = (tissue.value + cues) * tissue.falloff + skin
    noise = plan.key.rng(Purpose.NOISE).standard_normal(bright.shape, dtype=np.float32)
    noise *= np.float32(draw_exposure(plan.key))
    inside = tissue.skin_depth > max(EDGE_PX - 1 / plan.scale, 0)
    grey = np.where(inside, exposed(plan.detector, bright, noise, plan.scale), 0).astype(np.uint16)
    left = plan.key.laterality is Laterality.LEFT
    sheets = [tissue.canvas.laid(sheet) for sheet in (grey, *masks)]
    sheets = [sheet if left else np.ascontiguousarray(sheet[:, ::-1]) for sheet in sheets]
    pixels, outlines = sheets[0].astype(np.uint16), sheets[1:]
    draw_marker(plan.key, plan.detector, pixels, plan.scale)
    share = float((room[inside] >= 1).mean())
    return Phantom(pixels, tuple(sheet.astype(np.bool_) for sheet in outlines), share)


MOST = 0.75
"""Share of what passes the tissue that a lesion can absorb at most: nothing turns white."""

Draw = Callable[[np.random.Generator, Lesion, Form, Canvas, Plane, float], Plane]

DRAW: dict[Finding, Draw] = {
    Finding.MASS: draw_mass,
    Finding.DISTORTION: draw_distortion,
    Finding.CALCIFICATION: draw_cluster,
}


def draw_lesion(key: Key, lesion: Lesion, canvas: Canvas, tissue: Plane) -> None:
    """Draw a lesion into the tissue [height, width], in place.

    Brightness is 1 less what passes; the lesion absorbs a share of that, more in bright surroundings, whose contrast
    it would else lose.
    """
    at = canvas.around(lesion.site.row, lesion.site.col, 1.2 * lesion.site.radius)
    local = min(float(tissue[at].mean()), 0.8)
    bright = lesion.contrast * (0.50 + 0.40 * local)
    rng = key.rng(Purpose.APPEARANCE, lesion.number)
    added = DRAW[lesion.finding](rng, lesion, draw_form(key, lesion), canvas, tissue, bright)
    part = canvas.around(lesion.site.row, lesion.site.col, 3.2 * lesion.site.radius)
    absorbed = np.float32(MOST) * np.tanh(added[part] * np.float32(1 / (MOST * (1 - local))))
    tissue[part] += absorbed * (1 - np.minimum(tissue[part], 1))


LETTER_PX, STROKE_PX = 76, 8
"""Height of a capital and width of its strokes, full-size px (5.3 mm, 0.6 mm)."""

MARKER_EDGE_PX, TOP_PX, STRAY_PX = 90, 210, 50
"""Distance from the edge away from the chest wall and from the top, and how far the latter strays, full-size px."""

GREY = 3700

FONT = cv2.FONT_HERSHEY_SIMPLEX
CAPITAL = 21.0
"""Height of the font's capitals at its scale 1, px."""


def draw_marker(key: Key, detector: Detector, pixels: NDArray[np.uint16], scale: float) -> None:
    """Write side and view on an image [rows, cols] as it is stored, never mirrored.

    Args:
        key: which image it is.
        detector: the unit, which decides how it is written.
        pixels: grey values, changed in place.
        scale: pixels per full-size pixel.
    """
    assert key.laterality is not None
    assert key.view is not None
    side, view = key.laterality.value, key.view.value
    lines = (side, view) if detector.framed else (f"{side} {view}",)
    step = LETTER_PX * scale
    size, stroke = step / CAPITAL, max(1, round(STROKE_PX * scale))
    widths = [cv2.getTextSize(line, FONT, size, stroke)[0][0] for line in lines]
    stray = key.rng(Purpose.DETECTOR).uniform(-STRAY_PX, STRAY_PX)
    top, edge = (TOP_PX + stray) * scale, MARKER_EDGE_PX * scale
    sheet = np.zeros(pixels.shape, dtype=np.uint8)
    for number, (line, width) in enumerate(zip(lines, widths, strict=True)):
        left = pixels.shape[1] - edge - width if key.laterality is Laterality.LEFT else edge
        base = round(top + step * (1 + 1.5 * number))
        cv2.putText(sheet, line, (round(left), base), FONT, size, 255, stroke, cv2.LINE_AA)
        if detector.framed and number == 0:
            gap = round(0.25 * step)
            corners = (round(left) - gap, round(top) - gap), (round(left) + width + gap, base + gap)
            cv2.rectangle(sheet, *corners, 255, stroke)
    np.maximum(pixels, np.round(sheet * (GREY / 255)).astype(np.uint16), out=pixels)
