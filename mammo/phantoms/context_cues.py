"""Context cues: signs of malignancy in the breast away from its lesions, controlled by one latent c for each view.

Above 0 (malignant direction): widened ducts that fan out from the nipple, a coarse web between them and thickened skin.
Below 0 (benign direction): scattered round calcifications and a smooth nodular texture. Both grow smoothly with |c|,
lie all over the breast, never saturate, and are exactly 0 within placement.KEEPOUT_PX of every outline, so that a crop
window on a lesion cannot see them.
"""

from collections.abc import Sequence
from math import exp, log1p, tanh

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import SKIN_PX, BreastShape, skin_line
from mammo.phantoms.bright_shapes import Curves, Ellipses, random_walks
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import outline_reach
from mammo.phantoms.placement import KEEPOUT_PX, RAMP_PX
from mammo.phantoms.spec import Key, Purpose
from mammo.phantoms.texture import line, smooth_pair
from mammo.phantoms.tissue import Tissue

VIEW_SPREAD = 0.3
"""SD of what the cues of an image show around its latent c."""

BLUR_REACH_PX = 40.0
"""Largest distance over which the detector's blur spreads a cue, full-size px; cues stay this much further away."""

STRENGTH = 1.5
"""Strength of the cues of latent 1. Weaker ones are read too badly for two images to know more than one."""

MAX_STRENGTH = 3.5
"""Largest strength of cues."""

CEILING = 1.15
"""Brightness that an image with strong cues approaches, so that nothing turns white."""

MIN_ROOM = 0.05
"""Room for cues where the image without them is about as bright as the ceiling or brighter."""

PixelIndices = tuple[NDArray[np.int_], ...]
"""Rows and columns on the canvas of the pixels that can carry cues, each [n]."""

CALCIFICATIONS = 60
DUCTS, VERTICES = 30, 15


def cue_weights(key: Key, lesions: Sequence[Lesion], canvas: Canvas) -> Plane:
    """Return the weight of cues at each pixel [height, width]: 0 near an outline, 1 beyond the reach of blur.

    Distance is measured from the circle around each outline, so it never exceeds the distance to the outline itself.
    """
    weights = np.ones((canvas.height, canvas.width), dtype=np.float32)
    for lesion in lesions:
        down, right = canvas.rows - np.float32(lesion.site.row), canvas.cols - np.float32(lesion.site.col)
        away = np.sqrt(down * down + right * right) - np.float32(outline_reach(key, lesion))
        weights = np.minimum(weights, smoothstep((away - np.float32(KEEPOUT_PX + BLUR_REACH_PX)) / np.float32(RAMP_PX)))
    return weights


def draw_shown(key: Key, latent: float) -> float:
    """Return what the cues of one image show of its latent c: c with normal noise of SD VIEW_SPREAD."""
    return latent + VIEW_SPREAD * float(key.rng(Purpose.CUES).standard_normal())


def draw_cues(key: Key, shown: float, shape: BreastShape, tissue: Tissue, brightness: Plane, weights: Plane) -> Plane:
    """Draw the cues of one image.

    Args:
        key: owner of the image's random numbers.
        shown: what they show of the image's latent c (draw_shown).
        shape: its outer shape.
        tissue: the drawn tissue, which stays unchanged.
        brightness: of the image without cues [height, width], which stays unchanged.
        weights: weight of cues [height, width], 0 to 1.

    Returns:
        Brightness to add to it [height, width], at least 0.
    """
    rng = key.rng(Purpose.CUES)
    rng.standard_normal()  # the noise of draw_shown
    muscle = shape.pectoral_depth(tissue.canvas.rows, tissue.canvas.cols)
    inside = weights * smoothstep((tissue.skin_depth - 20) / 80) * (1 - 0.65 * smoothstep(muscle / 120))
    indices = np.nonzero(inside)
    malignant = _strength(shown) * _reticulum(rng, shape, tissue.canvas, inside, indices)
    benign = _strength(-shown) * _nodules(rng, tissue.canvas, indices)
    _add_calcifications(rng, tissue, _strength(-shown), benign)
    skin = skin_line(tissue.skin_depth, SKIN_PX * (1 + 0.45 * _strength(shown))) - skin_line(tissue.skin_depth, SKIN_PX)
    added = (malignant + benign) * inside * tissue.falloff + skin * weights * tissue.skin_factor
    return _limited(added, CEILING - brightness)


def _limited(added: Plane, room: Plane) -> Plane:
    """Return added brightness [height, width] that never exceeds the room for it.

    Weak and medium cues keep their brightness: with the fourth power, what takes half of its room loses 1.5 %.
    """
    share = added / np.maximum(room, np.float32(MIN_ROOM))
    share *= share
    return np.asarray(added / np.sqrt(np.sqrt(1 + share * share)), dtype=np.float32)


def _strength(latent: float) -> float:
    """Return the strength of one direction: 0 far below latent 0, about proportional above, at most MAX_STRENGTH."""
    return MAX_STRENGTH * tanh(STRENGTH * log1p(exp(1.6 * latent)) / 1.6 / MAX_STRENGTH)


def _reticulum(
    rng: np.random.Generator, shape: BreastShape, canvas: Canvas, inside: Plane, indices: PixelIndices
) -> Plane:
    """Return ducts and an uneven web between them [height, width], drawn at the indices, where inside is not 0."""
    field, where = smooth_pair(rng, 230)
    rows, cols = _centers(canvas, indices)
    bend, shift = (slow.at(rows, cols) for slow in smooth_pair(rng, 800))
    web = line(field.at(rows + 60 * shift, cols + 60 * bend), 0.16)
    lines = np.zeros_like(inside)
    lines[indices] = np.float32(0.26) * web * sigmoid(np.float32(1.6) * where.at(rows, cols))
    _ducts(rng, shape).draw(canvas, lines, inside)
    return lines


def _centers(canvas: Canvas, indices: PixelIndices) -> tuple[Plane, Plane]:
    """Return the centers (rows, cols) [n] of these pixels, full-size px."""
    return canvas.rows[indices[0], 0], canvas.cols[0, indices[1]]


def _ducts(rng: np.random.Generator, shape: BreastShape) -> Curves:
    """Return widened ducts that fan out from under the nipple, wind, branch and fade."""
    n = DUCTS
    fan = np.linspace(-1, 1, n) + rng.uniform(-1, 1, n) / n
    behind, angle = rng.uniform(60, 650, n), np.pi - 1.1 * fan
    start = shape.nipple_row + behind * np.sin(angle), shape.depth + behind * np.cos(angle)
    length, width = shape.depth * rng.uniform(0.3, 0.65, n), rng.uniform(6, 9, n)
    rows, cols, headings = random_walks(rng, start, angle, length, VERTICES, 1.0)
    parts, levels = [(rows, cols)], [0.46 * rng.uniform(0.5, 1, (n, VERTICES))]
    for side in (-1, 1):
        fork, share = rng.integers(3, 11, n), rng.uniform(0.35, 0.7, n)
        at, turn = (np.arange(n), fork), side * rng.uniform(0.3, 0.7, n)
        twig = random_walks(rng, (rows[at], cols[at]), headings[at] + turn, share * length, VERTICES, 0.8)
        parts.append(twig[:2])
        levels.append(0.35 * rng.uniform(0.5, 1, (n, VERTICES)))
    t = np.linspace(0, 1, VERTICES)
    radius = np.concatenate([width, 0.7 * width, 0.7 * width])[:, None] * (1 - 0.45 * t)
    brightness = np.concatenate(levels) * np.minimum(6 * t, 1) * (1 - t) ** 0.6
    return Curves(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), radius, brightness)


def _nodules(rng: np.random.Generator, canvas: Canvas, indices: PixelIndices) -> Plane:
    field, _ = smooth_pair(rng, 230)
    bumps = np.zeros((canvas.height, canvas.width), dtype=np.float32)
    bumps[indices] = 0.36 * np.clip(field.at(*_centers(canvas, indices)) - 0.7, 0, 1.2)
    return bumps


def _add_calcifications(rng: np.random.Generator, tissue: Tissue, strength: float, plane: Plane) -> None:
    """Add scattered round calcifications to a plane, in a number that grows with the strength."""
    canvas, n = tissue.canvas, CALCIFICATIONS
    u, radius = rng.random((2, n)), rng.uniform(6.5, 11, n)
    rows, cols = (canvas.row0 + u[0] * canvas.height) / canvas.scale, u[1] * canvas.width / canvas.scale
    present = np.clip(strength * 22 - np.arange(n), 0, 1)
    Ellipses(rows, cols, radius, np.ones(n), np.zeros(n), 0.36 * present).draw(canvas, plane)
