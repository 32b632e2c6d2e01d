"""Random fields: power-law noise for tissue, smooth noise for structures, and curved lines along its zeros.

Breast tissue has a power spectrum near 1 / f^3 (Chen et al. 2012: 3.17 in CC, 3.30 in MLO). Coefficients are drawn
octave by octave from low to high frequency, so a finer image adds detail to the same field.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from mammo.phantoms.canvas import FULL_HEIGHT, FULL_WIDTH, Canvas, Plane, sample_bilinear
from mammo.phantoms.spec import Key, Purpose

Spectrum = NDArray[np.complex64]

SHARED = (21, 15)
"""Coefficients (rows, cols) that a patient's two breasts share in part, in either view: structures of 2 cm or more."""

PERIOD = (3072, 2048)
"""Period (rows, cols) of power-law fields, full-size px; larger than any breast."""


def power_law_pair(key: Key, canvas: Canvas, beta: float) -> tuple[Plane, Plane]:
    """Return two independent fields [height, width] with mean near 0, SD near 1 and power spectrum 1 / f^beta."""
    shape = round(PERIOD[0] * canvas.scale), round(PERIOD[1] * canvas.scale)
    spectrum, beta = _octaves(key, shape), round(20 * beta) / 20
    spectrum *= _amplitude(shape, beta)
    field = scipy.fft.ifft2(spectrum, norm="forward", overwrite_x=True)[: canvas.height, : canvas.width]
    return np.ascontiguousarray(field.real), np.ascontiguousarray(field.imag)


def _octaves(key: Key, shape: tuple[int, int]) -> Spectrum:
    """Draw white complex coefficients [shape] in FFT order: the lowest 384 x 256 first, then each further octave."""
    low, octave = _blended(_white(Key(key.seed, key.patient, None, key.view), 0, SHARED), _white(key, 0, (384, 256))), 0
    while low.shape[0] < shape[0] or low.shape[1] < shape[1]:
        octave += 1
        eighths = (9 if octave % 2 else 8) << octave // 2  # a detector's pixels can be a little finer than an octave's
        low = _embedded(low, _white(key, octave, (48 * eighths, 32 * eighths)))
    return _embedded(low, np.zeros(shape, dtype=np.complex64)) if low.shape != shape else low


def _white(key: Key, octave: int, shape: tuple[int, int]) -> Spectrum:
    parts = key.rng(Purpose.TISSUE, octave).standard_normal((shape[0], shape[1], 2), dtype=np.float32)
    return parts.view(np.complex64)[..., 0]


def _blended(shared: Spectrum, own: Spectrum) -> Spectrum:
    """Mix the lowest frequencies of shared into own, in place; own stays white."""
    for at in _lowest(shared, own):
        own[at] = np.float32(0.8) * shared[at] + np.float32(0.6) * own[at]
    return own


def _embedded(low: Spectrum, high: Spectrum) -> Spectrum:
    """Replace the lowest frequencies of high by those of low, as far as both have them, in place."""
    for at in _lowest(low, high):
        high[at] = low[at]
    return high


def _lowest(low: Spectrum, high: Spectrum) -> Iterator[tuple[slice, slice]]:
    """Yield the four corners that hold the lowest frequencies common to both arrays."""
    rows, cols = ((min(a, b) - 1) // 2 for a, b in zip(low.shape, high.shape, strict=True))
    for r in (slice(0, rows + 1), slice(-rows, None)):
        for c in (slice(0, cols + 1), slice(-cols, None)):
            yield r, c


@cache
def _amplitude(shape: tuple[int, int], beta: float) -> Plane:
    """Return the amplitude [shape] of 1 / f^beta; unit SD over the lowest 384 x 256."""
    power = _power(*_frequencies(shape), beta) / _power(*_frequencies((384, 256)), beta).sum()
    power[shape[0] // 2] = 0
    power[:, shape[1] // 2] = 0
    return np.asarray(np.sqrt(power), dtype=np.float32)


def _frequencies(shape: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cycles per full-size px along rows [rows, 1] and columns [1, cols], in FFT order."""
    rows, cols = (scipy.fft.fftfreq(n, size / n) for n, size in zip(shape, PERIOD, strict=True))
    return rows[:, None], cols[None]


def _power(rows: NDArray[np.float64], cols: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """Return 1 / f^beta, flat below one cycle in 1400 px, 0 at frequency 0."""
    power = (rows**2 + cols**2 + 1400.0**-2) ** (-beta / 2)
    power[0, 0] = 0
    return power


@dataclass(frozen=True, eq=False)
class Smooth:
    """Smooth random field over the whole frame, SD near 1: a ring of frequencies around one wavelength.

    Attributes:
        values: [rows, cols] on a periodic grid.
        cell_px: size of a grid cell, full-size px.
    """

    values: Plane
    cell_px: float

    def at(self, rows: Plane, cols: Plane) -> Plane:
        """Sample the field at positions rows, cols ([h, w] or [n], full-size px), bilinear and periodic: same shape."""
        cell = np.float32(1 / self.cell_px)
        return sample_bilinear(self.values, rows * cell, cols * cell, wrapped=True)

    def on(self, canvas: Canvas) -> Plane:
        """Sample the field on a canvas: [height, width]."""
        shape = canvas.height, canvas.width
        return self.at(np.broadcast_to(canvas.rows, shape), np.broadcast_to(canvas.cols, shape))


def smooth_pair(
    rng: np.random.Generator, wavelength_px: float, period: tuple[int, int] = (FULL_HEIGHT, FULL_WIDTH)
) -> tuple[Smooth, Smooth]:
    """Draw two independent smooth fields on grids with cells of a sixth of the wavelength.

    Args:
        rng: source of the coefficients.
        wavelength_px: wavelength, full-size px.
        period: approximate (rows, cols) after which the fields repeat, full-size px.
    """
    cell = wavelength_px / 6
    shape = tuple(scipy.fft.next_fast_len(int(np.ceil(size / cell))) for size in period)
    parts = rng.standard_normal((*shape, 2), dtype=np.float32)
    field = scipy.fft.ifft2(parts.view(np.complex64)[..., 0] * _ring(shape), norm="forward", overwrite_x=True)
    return Smooth(np.ascontiguousarray(field.real), cell), Smooth(np.ascontiguousarray(field.imag), cell)


@cache
def _ring(shape: tuple[int, ...]) -> Plane:
    """Return the amplitude [shape] of a ring around one cycle in 6 cells."""
    radius = np.hypot(scipy.fft.fftfreq(shape[0])[:, None], scipy.fft.fftfreq(shape[1])[None])
    ring = np.exp(-(((radius * 6 - 1) / 0.4) ** 2))
    return np.asarray(ring / np.sqrt((ring**2).sum()), dtype=np.float32)


def polar_coordinates(canvas: Canvas, row: float, col: float) -> tuple[Plane, Plane]:
    """Return angle (radians) and radius (full-size px) of every pixel, each [height, width], about (row, col).

    The point lies to the right of the breast; angle 0 points left, towards the chest wall.
    """
    down, left = canvas.rows - np.float32(row), np.float32(col) - canvas.cols
    return np.asarray(np.arctan2(down, left), dtype=np.float32), np.sqrt(left * left + down * down)


def line(field: Plane, width: float) -> Plane:
    """Return 1 along the zeros of a field [...] and 0.5 where its magnitude is width: [...]; steeper is thinner."""
    across = field * np.float32(1 / width)
    return np.asarray(1 / (1 + across * across), dtype=np.float32)
