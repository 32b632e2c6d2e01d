"""Normal and benign structures without outlines: nodules, vessels, benign calcifications, lymph nodes."""

import numpy as np

from mammo.phantoms.anatomy import BreastShape
from mammo.phantoms.bright_shapes import Curves, Ellipses
from mammo.phantoms.canvas import Canvas, Plane, sigmoid
from mammo.phantoms.spec import Key, Purpose
from mammo.phantoms.tissue import Tissue
from mammo.records import Floats

VERTICES = 41


def draw_benign_structures(key: Key, shape: BreastShape, tissue: Tissue) -> None:
    """Add benign structures to the tissue, in place, independent of labels and lesions."""
    rng = key.rng(Purpose.BENIGN_STRUCTURES)
    canvas = tissue.canvas
    _scatter(rng, shape, 3, (38, 75), 0.09).draw(canvas, tissue.brightness)
    _scatter(rng, shape, 4, (6, 13), 0.30).draw(canvas, tissue.brightness)
    _add_lymph_nodes(rng, shape, canvas, tissue.brightness)
    calcified = rng.random() < 0.12
    for rank in range(2):
        rows, cols = _vessel_course(rng, shape)
        _vessel(rng, rows, cols).draw(canvas, tissue.brightness)
        walls = _calcified_walls(rng, rows, cols)
        if calcified and rank == 0:
            walls.draw(canvas, tissue.brightness)
    _eggshell(rng, shape).draw(canvas, tissue.brightness)


def _scatter(
    rng: np.random.Generator, shape: BreastShape, n_max: int, radius: tuple[float, float], brightness: float
) -> Ellipses:
    """Return up to n_max round nodules or calcifications around mid-breast; radii in full-size px."""
    rows, cols = _positions(rng, shape, n_max)
    present = np.arange(n_max) < rng.integers(0, n_max + 1)
    size, angle = rng.uniform(*radius, n_max), rng.uniform(0, np.pi, n_max)
    stretch = rng.uniform(1, 1.35, n_max)
    return Ellipses(rows, cols, size, stretch, angle, brightness * rng.uniform(0.6, 1, n_max) * present)


def _positions(rng: np.random.Generator, shape: BreastShape, n: int) -> tuple[Floats, Floats]:
    """Draw positions around mid-breast, (rows, cols) [n]."""
    rows = shape.nipple_row + rng.uniform(-0.6, 0.6, n) * np.where(rng.random(n) < 0.5, shape.up, shape.down)
    return rows, shape.depth * rng.uniform(0.12, 0.78, n)


def _add_lymph_nodes(rng: np.random.Generator, shape: BreastShape, canvas: Canvas, plane: Plane) -> None:
    """Add up to two lymph nodes over the muscle, in MLO only: ovals with a fatty notch (hilum) at one side."""
    n, u = int(rng.integers(0, 3)), rng.uniform(0.1, 0.9, (2, 4))
    if shape.pectoral is None:
        return
    for row, col, tilt, size in u[:n]:
        center = 120 + 600 * row, shape.pectoral[0] * (0.2 + 0.7 * col)
        at = canvas.around(*center, 190)
        down, right = canvas.rows[at[0]] - np.float32(center[0]), canvas.cols[:, at[1]] - np.float32(center[1])
        c, s = np.float32(np.cos(tilt + 0.8)), np.float32(np.sin(tilt + 0.8))
        along, across = (right * c + down * s) / (60 + 50 * size), (down * c - right * s) / (38 + 25 * size)
        node = sigmoid(np.asarray((1 - along**2 - across**2) * 6, dtype=np.float32))
        hilum = np.exp(-((along / 0.6) ** 2) - ((across - 0.55) / 0.45) ** 2)
        plane[at] += np.float32(0.13) * node * (1 - np.float32(0.8) * hilum)


def _vessel_course(rng: np.random.Generator, shape: BreastShape) -> tuple[Floats, Floats]:
    """Draw the winding course of a vessel from near the chest wall towards the skin: (rows, cols) [VERTICES]."""
    t = np.linspace(0, 1, VERTICES)
    start, slope = rng.uniform(-0.7, 0.7), rng.uniform(-0.35, 0.35)
    swing, phase = rng.standard_normal(3) * (0.10, 0.05, 0.02), rng.uniform(0, 2 * np.pi, 3)
    bend = sum(w * np.sin(k * t * 4 + p) for k, w, p in zip((1, 2, 5), swing, phase, strict=True))
    rows = shape.nipple_row + 0.8 * shape.down * (start + slope * t + bend - start * t * 0.4)
    return rows, shape.depth * (0.05 + rng.uniform(0.45, 0.75) * t)


def _vessel(rng: np.random.Generator, rows: Floats, cols: Floats) -> Curves:
    """Return a vessel along its course, thinner towards the skin."""
    t = np.linspace(0, 1, VERTICES)
    width = rng.uniform(7, 12) * (1 - 0.5 * t)
    brightness = rng.uniform(0.05, 0.12) * (1 - t**3) * np.ones(VERTICES)
    return Curves(rows[None], cols[None], width[None], brightness[None])


def _calcified_walls(rng: np.random.Generator, rows: Floats, cols: Floats) -> Curves:
    """Return the calcified walls of a vessel: two broken parallel lines along part of its course."""
    along, down = np.gradient(cols), np.gradient(rows)
    away = 9 / np.hypot(along, down)
    broken = (rng.random((2, VERTICES)) < 0.6) * rng.uniform(0.12, 0.4, (2, VERTICES))
    from_, to = sorted(rng.integers(3, VERTICES, 2))
    broken[:, :from_] = 0
    broken[:, to:] = 0
    sides = np.array([[-1.0], [1.0]]) * away
    return Curves(rows + sides * along, cols - sides * down, np.full((2, VERTICES), 3.5), broken)


def _eggshell(rng: np.random.Generator, shape: BreastShape) -> Curves:
    """Return an eggshell calcification, the calcified rim of a small cyst; visible in one image of eight."""
    turn = np.linspace(0, 2 * np.pi, VERTICES)
    (row,), (col,) = _positions(rng, shape, 1)
    size, present = rng.uniform(14, 30), rng.random() < 0.125
    brightness = present * rng.uniform(0.15, 0.35) * (0.7 + 0.3 * np.cos(turn + rng.uniform(0, 2 * np.pi)))
    rows, cols = row + 0.85 * size * np.sin(turn), col + size * np.cos(turn)
    return Curves(rows[None], cols[None], np.full((1, VERTICES), 3.5), brightness[None])
