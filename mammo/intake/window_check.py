"""Windows that hide the breast: one that lies beside its values, or is far too narrow, shows all of it white or black.

Such an image has an outline and pixels like any other, so that nothing after the gate would notice.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS = 64
"""Pixels are looked at in about so many rows, and four times as closely along each."""

MARKERS = 0.05
"""Lead markers and labels, brighter than any breast, fill no more of an image than this."""

ALIKE = 0.9
"""A breast is hidden where more of it than this share has one grey value."""


def sparse(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Pixels [H, W] that are enough to tell, spread over all of an image: [about ROWS, w]."""
    step = max(1, len(pixels) // ROWS)
    return pixels[::step, :: max(1, step // 4)]


def hides_breast(values: NDArray[np.uint16], shown: NDArray[np.uint16]) -> bool:
    """Whether the breast, seen in values before any window, is nearly all of one value in what is shown.

    The breast is what Otsu's threshold parts from the background, markers aside.

    Args:
        values: bright where a viewer would show light, whatever its window; background dark. [H, W].
        shown: presentation values of the same pixels, [H, W].
    """
    brightest = np.sort(values, axis=None)[int((1 - MARKERS) * values.size)]
    cut, _ = cv2.threshold(np.minimum(values, brightest), 0, 0, cv2.THRESH_TRUNC | cv2.THRESH_OTSU)
    breast = values > cut
    return _most(shown[breast]) > ALIKE >= _most(values[breast])


def _most(values: NDArray[np.uint16]) -> float:
    """The share of the most common value; 0 where there are no values."""
    return int(np.bincount(values).max()) / values.size if values.size else 0.0
