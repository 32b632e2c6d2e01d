"""Context cues: what the breast away from its lesions tells, through one latent c for each breast.

Above 0 (malignant direction): widened ducts that fan out from the nipple, a coarse web between them and thickened skin.
Below 0 (benign direction): scattered round calcifications and a smooth nodular texture. Both grow smoothly with |c|,
lie all over the breast, and are exactly 0 within placement.KEEPOUT_PX of every outline, so that a crop window on a
lesion cannot see them.
"""

from collections.abc import Sequence
from math import exp, log1p, tanh

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import SKIN_PX, Shape, skin_line
from mammo.phantoms.bright_shapes import Specks, Threads, wander
from mammo.phantoms.canvas import Canvas, Plane, sigmoid, smoothstep
from mammo.phantoms.findings import Lesion
from mammo.phantoms.lesion_shape import outline_reach
from mammo.phantoms.placement import KEEPOUT_PX, RAMP_PX
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.texture import line, smooth_pair
from mammo.phantoms.tissue import Tissue

VIEW_SPREAD = 0.3
"""SD of what one view shows around the breast's latent c."""

SPREAD_PX = 40.0
"""How far the detector's blur carries a cue at most, full-size px; cues keep this much further away."""

MOST = 2.2
"""Strongest cue that is drawn, in units of c."""

Seats = tuple[NDArray[np.int_], ...]
"""Pixels that may carry cues at all, as their rows and columns on the canvas, each [n]."""

CALCIFICATIONS = 60
DUCTS, VERTICES = 30, 15


def cue_room(key: Key, lesions: Sequence[Lesion], canvas: Canvas) -> Plane:
    """How much of a cue each pixel may carry [height, width]: 0 near an outline, 1 where blur cannot carry it there.

    Distance is counted from the circle around each outline, so it never exceeds the distance to the outline itself.
    """
    room = np.ones((canvas.height, canvas.width), dtype=np.float32)
    for lesion in lesions:
        down, right = canvas.rows - np.float32(lesion.site.row), canvas.cols - np.float32(lesion.site.col)
        away = np.sqrt(down * down + right * right) - np.float32(outline_reach(key, lesion))
        room = np.minimum(room, smoothstep((away - np.float32(KEEPOUT_PX + SPREAD_PX)) / np.float32(RAMP_PX)))
    return room


def draw_cues(key: Key, latent: float, shape: Shape, tissue: Tissue, room: Plane) -> tuple[Plane, Plane]:
    """The cues of one image: brightness to add to the tissue, and to the skin, each [height, width]."""
    rng = key.rng(Purpose.CUES)
    seen = latent + VIEW_SPREAD * float(rng.standard_normal())
    muscle = shape.pectoral_depth(tissue.canvas.rows, tissue.canvas.cols)
    inside = room * smoothstep((tissue.skin_depth - 20) / 80) * (1 - 0.65 * smoothstep(muscle / 120))
    seats = np.nonzero(inside)
    malignant = _strength(seen) * _reticulum(rng, shape, tissue.canvas, inside, seats)
    benign = _strength(-seen) * _nodules(rng, tissue.canvas, seats)
    _scatter(rng, tissue, _strength(-seen), benign)
    skin = skin_line(tissue.skin_depth, SKIN_PX * (1 + 0.45 * _strength(seen))) - skin_line(tissue.skin_depth, SKIN_PX)
    return np.asarray((malignant + benign) * inside, dtype=np.float32), skin * room


def _strength(latent: float) -> float:
    """0 far below 0, nearly the latent itself above, at most MOST: how strongly one direction shows."""
    return MOST * tanh(log1p(exp(1.6 * latent)) / 1.6 / MOST)


def _reticulum(rng: np.random.Generator, shape: Shape, canvas: Canvas, inside: Plane, seats: Seats) -> Plane:
    """Ducts and a coarse web between them, uneven from place to place; drawn at the seats, where inside is not 0."""
    field, where = smooth_pair(rng, 230)
    rows, cols = _places(canvas, seats)
    bend, shift = (slow.at(rows, cols) for slow in smooth_pair(rng, 800))
    web = line(field.at(rows + 60 * shift, cols + 60 * bend), 0.16)
    lines = np.zeros_like(inside)
    lines[seats] = np.float32(0.26) * web * sigmoid(np.float32(1.6) * where.at(rows, cols))
    _ducts(rng, shape).draw(canvas, lines, inside)
    return lines


def _places(canvas: Canvas, seats: Seats) -> tuple[Plane, Plane]:
    """Centres (rows, cols) [n] of these pixels, full-size px."""
    return canvas.rows[seats[0], 0], canvas.cols[0, seats[1]]


def _ducts(rng: np.random.Generator, shape: Shape) -> Threads:
    """Widened ducts: from under the nipple they fan out, wind, branch and fade."""
    n = DUCTS
    fan = np.linspace(-1, 1, n) + rng.uniform(-1, 1, n) / n
    behind, angle = rng.uniform(60, 650, n), np.pi - 1.1 * fan
    start = shape.nipple_row + behind * np.sin(angle), shape.depth + behind * np.cos(angle)
    length, width = shape.depth * rng.uniform(0.3, 0.65, n), rng.uniform(6, 9, n)
    rows, cols, headings = wander(rng, start, angle, length, VERTICES, 1.0)
    parts, light = [(rows, cols)], [0.46 * rng.uniform(0.5, 1, (n, VERTICES))]
    for side in (-1, 1):
        fork, share = rng.integers(3, 11, n), rng.uniform(0.35, 0.7, n)
        at, turn = (np.arange(n), fork), side * rng.uniform(0.3, 0.7, n)
        twig = wander(rng, (rows[at], cols[at]), headings[at] + turn, share * length, VERTICES, 0.8)
        parts.append(twig[:2])
        light.append(0.35 * rng.uniform(0.5, 1, (n, VERTICES)))
    t = np.linspace(0, 1, VERTICES)
    radius = np.concatenate([width, 0.7 * width, 0.7 * width])[:, None] * (1 - 0.45 * t)
    bright = np.concatenate(light) * np.minimum(6 * t, 1) * (1 - t) ** 0.6
    return Threads(np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), radius, bright)


def _nodules(rng: np.random.Generator, canvas: Canvas, seats: Seats) -> Plane:
    field, _ = smooth_pair(rng, 230)
    bumps = np.zeros((canvas.height, canvas.width), dtype=np.float32)
    bumps[seats] = 0.36 * np.clip(field.at(*_places(canvas, seats)) - 0.7, 0, 1.2)
    return bumps


def _scatter(rng: np.random.Generator, tissue: Tissue, strength: float, plane: Plane) -> None:
    """Add round calcifications to plane, the more of them the larger the strength."""
    canvas, n = tissue.canvas, CALCIFICATIONS
    u, radius = rng.random((2, n)), rng.uniform(6.5, 11, n)
    rows, cols = (canvas.row0 + u[0] * canvas.height) / canvas.scale, u[1] * canvas.width / canvas.scale
    present = np.clip(strength * 22 - np.arange(n), 0, 1)
    Specks(rows, cols, radius, np.ones(n), np.zeros(n), 0.36 * present).draw(canvas, plane)
