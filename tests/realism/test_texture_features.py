"""Texture features against their definitions and on noise of known slope."""

from itertools import pairwise

import numpy as np
import pytest

from mammo.realism.texture_features import (
    FEATURES,
    LEVELS,
    PROPERTIES,
    binary_patterns,
    co_occurrence,
    spectral_slope,
    texture_features,
)


def pattern(gray: np.ndarray, row: int, col: int) -> int:
    """The uniform pattern of the eight neighbors on a circle of radius 1, by its definition."""
    bits = []
    for k in range(8):
        r, c = row - np.sin(2 * np.pi * k / 8), col + np.cos(2 * np.pi * k / 8)
        r0, c0 = int(np.floor(r + 1e-9)), int(np.floor(c + 1e-9))
        dr, dc = max(r - r0, 0), max(c - c0, 0)
        values = np.pad(gray, 2, mode="edge")[r0 + 2 : r0 + 4, c0 + 2 : c0 + 4].astype(float)
        value = (1 - dr) * ((1 - dc) * values[0, 0] + dc * values[0, 1]) + dr * (
            (1 - dc) * values[1, 0] + dc * values[1, 1]
        )
        bits.append(value >= gray[row, col] - 1e-6)
    changes = sum(a != b for a, b in pairwise([*bits, bits[0]]))
    return sum(bits) if changes <= 2 else 9


def test_binary_patterns_follow_their_definition() -> None:
    gray = np.random.default_rng(0).integers(0, 4096, (14, 14)).astype(np.uint16)
    codes = [pattern(gray, row, col) for row in range(1, 13) for col in range(1, 13)]
    expected = np.bincount(codes, minlength=10) / len(codes)
    assert binary_patterns(gray, 1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("distance", "diagonal"), [(1, 1), (3, 2)])
def test_co_occurrence_equals_counting_pairs(distance: int, diagonal: int) -> None:
    levels = np.random.default_rng(1).integers(0, LEVELS, (9, 9)).astype(np.uint8)
    steps = [(0, distance), (diagonal, diagonal), (distance, 0), (diagonal, -diagonal)]
    means = np.mean([properties(levels, *step) for step in steps], axis=0)
    assert co_occurrence(levels, distance) == pytest.approx(means, abs=1e-12)


def properties(levels: np.ndarray, down: int, right: int) -> list[float]:
    """Contrast, homogeneity, energy and correlation over all pairs of one step, in both orders."""
    n, pairs = len(levels), []
    for row in range(n):
        for col in range(n):
            if 0 <= row + down < n and 0 <= col + right < n:
                pair = int(levels[row, col]), int(levels[row + down, col + right])
                pairs += [pair, pair[::-1]]
    first, second = np.array(pairs, dtype=float).T
    fractions = np.unique(np.array(pairs), axis=0, return_counts=True)[1] / len(pairs)
    difference = first - second
    return [
        float((difference**2).mean()),
        float((1 / (1 + difference**2)).mean()),
        float(np.sqrt((fractions**2).sum())),
        float(np.corrcoef(first, second)[0, 1]),
    ]


def test_every_feature_has_a_name_and_is_finite_even_for_a_uniform_patch() -> None:
    for patch in (np.random.default_rng(2).random((32, 32)), np.full((32, 32), 0.5)):
        features = texture_features(patch.astype(np.float32))
        assert features.shape == (len(FEATURES),)
        assert np.isfinite(features).all()
    assert len(set(FEATURES)) == len(FEATURES)
    assert len(PROPERTIES) == 4


def noise(beta: float, n: int, seed: int) -> np.ndarray:
    """A block [n, n] cut from a larger field whose power falls as 1 / f^beta."""
    rng, size = np.random.default_rng(seed), 4 * n
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal((size, size)))
    return np.fft.irfft2(white * frequency ** (-beta / 2))[:n, :n]


@pytest.mark.parametrize("beta", [0.0, 1.5, 2.5, 3.2])
def test_the_slope_of_power_law_noise_is_recovered(beta: float) -> None:
    found = [spectral_slope(noise(beta, 128, seed)) for seed in range(12)]
    assert np.mean(found) == pytest.approx(beta, abs=0.1)


def test_the_slope_does_not_depend_on_brightness_and_contrast() -> None:
    block = noise(2.8, 64, 1)
    assert spectral_slope(7 * block + 1000) == pytest.approx(spectral_slope(block), abs=1e-9)


def test_a_uniform_block_has_no_slope() -> None:
    assert np.isnan(spectral_slope(np.full((64, 64), 0.4)))
