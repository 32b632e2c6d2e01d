"""A window that shows the breast in one gray value hides it; a merely narrow one does not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.intake.window_check import hides_breast

ROWS, COLS = np.mgrid[:256, :200]
INSIDE = ((ROWS - 127.5) / 100) ** 2 + (COLS / 120) ** 2 < 1
BREAST = np.where(INSIDE, 600 + ROWS * 2 + COLS, 3 + (ROWS * COLS) % 5).astype(np.uint16)


def windowed(values: NDArray[np.uint16], low: int, high: int) -> NDArray[np.uint16]:
    return np.round(np.clip((values.astype(float) - low) / (high - low), 0, 1) * 4095).astype(np.uint16)


@pytest.mark.parametrize(("low", "high"), [(100, 500), (10, 11), (4000, 4090), (1300, 1400)])
def test_a_window_outside_the_breasts_values_hides_it(low: int, high: int) -> None:
    assert hides_breast(BREAST, windowed(BREAST, low, high))


@pytest.mark.parametrize(("low", "high"), [(0, 4095), (500, 1400), (900, 901), (850, 1000)])
def test_a_window_within_the_breasts_values_shows_it(low: int, high: int) -> None:
    assert not hides_breast(BREAST, windowed(BREAST, low, high))


def test_a_marker_shown_white_is_not_breast() -> None:
    marked = BREAST.copy()
    marked[5:30, 150:180] = 3900 + np.arange(750).reshape(25, 30) % 190
    assert not hides_breast(marked, windowed(marked, 0, 2000))
    assert hides_breast(marked, windowed(marked, 100, 500))


def test_a_breast_with_a_single_stored_value_is_not_hidden() -> None:
    flat = np.where(INSIDE, 900, 0).astype(np.uint16)
    assert not hides_breast(flat, windowed(flat, 0, 100))
    assert not hides_breast(np.full_like(flat, 7), windowed(flat, 0, 100))
