"""One synthetic image, from plan to pixels: what is in it, and the stored 12-bit grey values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import CELL_PX, Shape, draw_shape
from mammo.phantoms.benign_structures import draw_lookalikes
from mammo.phantoms.context_cues import cue_room, draw_cues
from mammo.phantoms.detector import Detector, draw_detector, draw_exposure, exposed
from mammo.phantoms.findings import Breast, Lesion, draw_breast, draw_lesions
from mammo.phantoms.lesion_shape import outline
from mammo.phantoms.lesions import draw_lesion
from mammo.phantoms.marker import draw_marker
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.skin import SKIN_PX, skin_line
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
