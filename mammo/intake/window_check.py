"""Window check: finds VOI windows that hide the breast because they miss its values or are far too narrow.

Such an image is all white or black inside a normal breast outline, so no later step would notice it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS = 64
"""Number of rows that are sampled, about; along each row the samples are four times as close."""

MARKERS = 0.05
"""Largest share of an image that lead markers and labels, brighter than any breast, cover."""

ALIKE = 0.9
"""A breast is hidden if more than this share of it has one gray value."""


def sparse(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return a regular sample of pixels [H, W] uint16 over the whole image: [about ROWS, w] uint16."""
    step = max(1, len(pixels) // ROWS)
    return pixels[::step, :: max(1, step // 4)]


def hides_breast(values: NDArray[np.uint16], shown: NDArray[np.uint16]) -> bool:
    """Return whether the breast has nearly one single value after the window, but not before it.

    The breast is separated from the background by Otsu's threshold, markers excluded.

    Args:
        values: [H, W] uint16, values 0 to 4095 before any window, background dark.
        shown: [H, W] uint16, presentation values 0 to 4095 of the same pixels.
    """
    brightest = np.sort(values, axis=None)[int((1 - MARKERS) * values.size)]
    cut, _ = cv2.threshold(np.minimum(values, brightest), 0, 0, cv2.THRESH_TRUNC | cv2.THRESH_OTSU)
    breast = values > cut
    return _most(shown[breast]) > ALIKE >= _most(values[breast])


def _most(values: NDArray[np.uint16]) -> float:
    """Return the share of the most common of values [N]; 0 for no values."""
    return int(np.bincount(values).max()) / values.size if values.size else 0.0
