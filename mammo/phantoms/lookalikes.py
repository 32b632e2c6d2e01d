"""What many breasts have, without outline or meaning: nodules, vessels, coarse calcifications, axillary nodes."""

import cv2
import numpy as np

from mammo.phantoms.anatomy import Shape
from mammo.phantoms.canvas import Canvas, Plane, sigmoid
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.specks import Specks
from mammo.phantoms.tissue import Tissue


def draw_lookalikes(key: Key, shape: Shape, tissue: Tissue) -> None:
    """Add them to the tissue, in place; the draws know no label and no lesion."""
    rng = key.rng(Purpose.LOOKALIKES)
    canvas = tissue.canvas
    _scatter(rng, shape, 3, (38, 75), 0.09).draw(canvas, tissue.value)
    _scatter(rng, shape, 4, (9, 15), 0.26).draw(canvas, tissue.value)
    _nodes(rng, shape, canvas, tissue.value)
    for _ in range(2):
        tissue.value[:] += np.float32(rng.uniform(0.03, 0.09)) * _vessel(rng, shape, canvas)


def _scatter(rng: np.random.Generator, shape: Shape, most: int, radius: tuple[float, float], bright: float) -> Specks:
    """Up to `most` round specks around mid-breast."""
    rows = shape.nipple_row + rng.uniform(-0.6, 0.6, most) * np.where(rng.random(most) < 0.5, shape.up, shape.down)
    cols = shape.depth * rng.uniform(0.12, 0.78, most)
    present = np.arange(most) < rng.integers(0, most + 1)
    size, turn = rng.uniform(*radius, most), rng.uniform(0, np.pi, most)
    return Specks(rows, cols, size, rng.uniform(1, 1.35, most), turn, bright * rng.uniform(0.6, 1, most) * present)


def _nodes(rng: np.random.Generator, shape: Shape, canvas: Canvas, value: Plane) -> None:
    """Up to two oval lymph nodes over the muscle, in MLO only."""
    n, u = int(rng.integers(0, 3)), rng.uniform(0.1, 0.9, (2, 2))
    if shape.pectoral is None:
        return
    for row, col in u[:n]:
        at = 120 + 600 * row, shape.pectoral[0] * (0.2 + 0.7 * col)
        squared = ((canvas.rows - at[0]) / 80) ** 2 + ((canvas.cols - at[1]) / 50) ** 2
        value += 0.10 * sigmoid(np.asarray((1 - squared) * 6, dtype=np.float32))


def _vessel(rng: np.random.Generator, shape: Shape, canvas: Canvas) -> Plane:
    """One winding vessel from near the chest wall towards the skin: 1 on it, 0 elsewhere."""
    t = np.linspace(0, 1, 40)
    start, slope = rng.uniform(-0.7, 0.7), rng.uniform(-0.35, 0.35)
    waves = rng.standard_normal(3) * (0.10, 0.05, 0.02)
    phase = rng.uniform(0, 2 * np.pi, 3)
    bend = sum(w * np.sin(k * t * 4 + p) for k, w, p in zip((1, 2, 5), waves, phase, strict=True))
    rows = shape.nipple_row + 0.8 * shape.down * (start + slope * t + bend - start * t * 0.4)
    cols = shape.depth * (0.05 + rng.uniform(0.45, 0.75) * t)
    points = np.stack([cols * canvas.scale - 0.5, rows * canvas.scale - canvas.row0 - 0.5], axis=-1)
    sheet = np.zeros((canvas.height, canvas.width), dtype=np.uint8)
    thick = max(1, round(rng.uniform(10, 18) * canvas.scale))
    cv2.polylines(sheet, [np.round(points * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, shift=4)
    return np.asarray(sheet, dtype=np.float32) / np.float32(255)
