"""The marker that says side and view: bright letters on the black background, in the upper corner off the breast."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.detector import Detector
from mammo.phantoms.randomness import Key, Purpose
from mammo.records import Laterality

LETTER_PX, STROKE_PX = 76, 8
"""Height of a capital and width of its strokes, full-size px (5.3 mm, 0.6 mm)."""

EDGE_PX, TOP_PX, STRAY_PX = 90, 210, 50
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
    top, edge = (TOP_PX + stray) * scale, EDGE_PX * scale
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
