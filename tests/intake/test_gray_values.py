"""Gray values above Bits Stored are distinguished from overlays by their smoothness; options are shared out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.intake.gray_values import PixelOptions, bits_in_use

ROWS, COLS = np.mgrid[:200, :120]
INSIDE = ((ROWS - 95.5) / 80) ** 2 + (COLS / 90) ** 2 < 1
RNG = np.random.default_rng(4)


def breast(top: int) -> NDArray[np.uint16]:
    """Return a smooth noisy breast [H, W] whose largest values are near top."""
    smooth = top * (0.1 + 0.85 * np.sin(COLS / 60) * np.sin(np.pi * ROWS / 200)) + RNG.normal(0, top / 300, ROWS.shape)
    return np.where(INSIDE, np.clip(smooth, 1, top), 0).astype(np.uint16)


@pytest.mark.parametrize("bits", [13, 14, 16])
def test_gray_values_above_the_stated_bits_count(bits: int) -> None:
    assert bits_in_use(breast(2**bits - 1), 12) == bits


@pytest.mark.parametrize(
    "overlay", [0xA000, INSIDE * 0x2000, (ROWS % 40 < 3) * 0x1000, RNG.integers(0, 2, ROWS.shape) << 15]
)
def test_overlays_and_leftovers_do_not_count(overlay: NDArray[np.integer] | int) -> None:
    assert bits_in_use((breast(4095) | overlay).astype(np.uint16), 12) == 12


def test_a_hot_pixel_does_not_count() -> None:
    hot = breast(4095)
    hot[100, 30] = 65535
    assert bits_in_use(hot, 12) == 12


def test_the_adapters_options_are_left_to_it() -> None:
    assert PixelOptions.split({"bits": 12, "proxies": True}) == (PixelOptions(bits=12), {"proxies": True})
    assert PixelOptions.split({}) == (PixelOptions(), {})
