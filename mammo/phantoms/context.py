"""Context cues: what the breast away from its lesions tells, through one latent c for each breast.

Above 0 (malignant direction): coarse bright strands towards the nipple and thickened skin. Below 0 (benign direction):
scattered round calcifications and a smooth nodular texture. Both grow smoothly with |c|, lie all over the breast, and
are exactly 0 within placement.KEEPOUT_PX of every outline, so that a crop window on a lesion cannot see them.
"""

from collections.abc import Sequence
from math import exp, log1p

import numpy as np

from mammo.phantoms.anatomy import Shape
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesions import outline_reach
from mammo.phantoms.placement import KEEPOUT_PX, RAMP_PX
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.skin import SKIN_PX, skin_line
from mammo.phantoms.specks import Specks
from mammo.phantoms.texture import line, polar, smooth_pair
from mammo.phantoms.tissue import Tissue

VIEW_SPREAD = 0.3
"""SD of what one view shows around the breast's latent c."""

CALCIFICATIONS = 60


def cue_room(key: Key, lesions: Sequence[Lesion], canvas: Canvas) -> Plane:
    """How much of a cue each pixel may carry [height, width]: 0 near an outline, 1 from KEEPOUT_PX + RAMP_PX on.

    Distance is counted from the circle around each outline, so it never exceeds the distance to the outline itself.
    """
    room = np.ones((canvas.height, canvas.width), dtype=np.float32)
    for lesion in lesions:
        down, right = canvas.rows - np.float32(lesion.site.row), canvas.cols - np.float32(lesion.site.col)
        away = np.sqrt(down * down + right * right) - np.float32(outline_reach(key, lesion))
        room = np.minimum(room, smoothstep((away - np.float32(KEEPOUT_PX)) / np.float32(RAMP_PX)))
    return room


def draw_cues(key: Key, latent: float, shape: Shape, tissue: Tissue, room: Plane) -> tuple[Plane, Plane]:
    """The cues of one image: brightness to add to the tissue, and to the skin, each [height, width]."""
    rng = key.rng(Purpose.CUES)
    seen = latent + VIEW_SPREAD * float(rng.standard_normal())
    inside = room * smoothstep((tissue.skin_depth - 20) / 80)
    malignant = _strength(seen) * _coarse_strands(rng, shape, tissue.canvas)
    benign = _strength(-seen) * _nodules(rng, tissue.canvas)
    _scatter(rng, tissue, _strength(-seen), benign)
    skin = skin_line(tissue.skin_depth, SKIN_PX * (1 + 0.45 * _strength(seen))) - skin_line(tissue.skin_depth, SKIN_PX)
    return np.asarray((malignant + benign) * inside, dtype=np.float32), skin * room


def _strength(latent: float) -> float:
    """0 far below 0, the latent itself far above: how strongly one direction shows."""
    return log1p(exp(1.6 * latent)) / 1.6


def _coarse_strands(rng: np.random.Generator, shape: Shape, canvas: Canvas) -> Plane:
    """Thick bending strands, most of them towards the nipple, that gather and fade as the breast's own do."""
    field, other = smooth_pair(rng, 230)
    bend, shift = (slow.on(canvas) for slow in smooth_pair(rng, 800))
    angle, radius = polar(canvas, shape.nipple_row, shape.depth + 40)
    around, along = 1400 * (angle + np.float32(0.14) * bend), np.float32(0.30) * radius + 60 * shift
    web = other.at(canvas.rows + 60 * shift, canvas.cols + 60 * bend)
    spread = smoothstep((radius - 60) / 400)
    rays = line(field.at(around, along), 0.20) * sigmoid(2 * web + np.float32(0.6)) * spread
    lines = 0.20 * rays + 0.12 * line(web, 0.16) * sigmoid(2 * shift)
    off_muscle = smoothstep(1 - shape.pectoral_depth(canvas.rows, canvas.cols) / 120)
    return np.asarray(lines * (0.35 + 0.65 * off_muscle), dtype=np.float32)


def _nodules(rng: np.random.Generator, canvas: Canvas) -> Plane:
    field, _ = smooth_pair(rng, 230)
    return np.asarray(0.135 * np.clip(field.on(canvas) - 0.4, 0, 1.6), dtype=np.float32)


def _scatter(rng: np.random.Generator, tissue: Tissue, strength: float, plane: Plane) -> None:
    """Add round calcifications to plane, the more of them the larger the strength."""
    canvas, n = tissue.canvas, CALCIFICATIONS
    u, radius = rng.random((2, n)), rng.uniform(8.5, 12.5, n)
    rows, cols = (canvas.row0 + u[0] * canvas.height) / canvas.scale, u[1] * canvas.width / canvas.scale
    present = np.clip(strength * 22 - np.arange(n), 0, 1)
    Specks(rows, cols, radius, np.ones(n), np.zeros(n), 0.30 * present).draw(canvas, plane)
