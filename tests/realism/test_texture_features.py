from itertools import pairwise

import numpy as np
import pytest

from mammo.realism.texture_features import LEVELS, NAMES, PROPERTIES, binary_patterns, co_occurrence, slope, texture


def pattern(greys: np.ndarray, row: int, col: int) -> int:
    """The uniform pattern of the eight neighbours on a circle of radius 1, by its definition."""
    bits = []
    for k in range(8):
        r, c = row - np.sin(2 * np.pi * k / 8), col + np.cos(2 * np.pi * k / 8)
        r0, c0 = int(np.floor(r + 1e-9)), int(np.floor(c + 1e-9))
        dr, dc = max(r - r0, 0), max(c - c0, 0)
        values = np.pad(greys, 2, mode="edge")[r0 + 2 : r0 + 4, c0 + 2 : c0 + 4].astype(float)
        value = (1 - dr) * ((1 - dc) * values[0, 0] + dc * values[0, 1]) + dr * (
            (1 - dc) * values[1, 0] + dc * values[1, 1]
        )
        bits.append(value >= greys[row, col] - 1e-6)
    changes = sum(a != b for a, b in pairwise([*bits, bits[0]]))
    return sum(bits) if changes <= 2 else 9


def test_binary_patterns_agree_with_their_definition() -> None:
    greys = np.random.default_rng(0).integers(0, 4096, (14, 14)).astype(np.uint16)
    codes = [pattern(greys, row, col) for row in range(1, 13) for col in range(1, 13)]
    expected = np.bincount(codes, minlength=10) / len(codes)
    assert binary_patterns(greys, 1) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("distance", "slanted"), [(1, 1), (3, 2)])
def test_co_occurrence_agrees_with_counting_pairs(distance: int, slanted: int) -> None:
    levels = np.random.default_rng(1).integers(0, LEVELS, (9, 9)).astype(np.uint8)
    steps = [(0, distance), (slanted, slanted), (distance, 0), (slanted, -slanted)]
    means = np.mean([properties(levels, *step) for step in steps], axis=0)
    assert co_occurrence(levels, distance) == pytest.approx(means, abs=1e-12)


def properties(levels: np.ndarray, down: int, right: int) -> list[float]:
    """Contrast, homogeneity, energy and correlation over all pairs of one step, both ways round."""
    n, pairs = len(levels), []
    for row in range(n):
        for col in range(n):
            if 0 <= row + down < n and 0 <= col + right < n:
                pair = int(levels[row, col]), int(levels[row + down, col + right])
                pairs += [pair, pair[::-1]]
    first, second = np.array(pairs, dtype=float).T
    shares = np.unique(np.array(pairs), axis=0, return_counts=True)[1] / len(pairs)
    away = first - second
    return [
        float((away**2).mean()),
        float((1 / (1 + away**2)).mean()),
        float(np.sqrt((shares**2).sum())),
        float(np.corrcoef(first, second)[0, 1]),
    ]


def test_every_number_has_a_name_and_is_finite_even_on_an_even_patch() -> None:
    for patch in (np.random.default_rng(2).random((32, 32)), np.full((32, 32), 0.5)):
        numbers = texture(patch.astype(np.float32))
        assert numbers.shape == (len(NAMES),)
        assert np.isfinite(numbers).all()
    assert len(set(NAMES)) == len(NAMES)
    assert len(PROPERTIES) == 4


def noise(beta: float, n: int, seed: int) -> np.ndarray:
    """A block [n, n] cut from a larger field whose power falls as 1 / f^beta."""
    rng, size = np.random.default_rng(seed), 4 * n
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    white = np.fft.rfft2(rng.standard_normal((size, size)))
    return np.fft.irfft2(white * frequency ** (-beta / 2))[:n, :n]


@pytest.mark.parametrize("beta", [0.0, 1.5, 2.5, 3.2])
def test_the_exponent_of_power_law_noise_is_recovered(beta: float) -> None:
    found = [slope(noise(beta, 128, seed)) for seed in range(12)]
    assert np.mean(found) == pytest.approx(beta, abs=0.1)


def test_brightness_and_contrast_do_not_matter() -> None:
    block = noise(2.8, 64, 1)
    assert slope(7 * block + 1000) == pytest.approx(slope(block), abs=1e-9)


def test_a_block_without_structure_has_no_slope() -> None:
    assert np.isnan(slope(np.full((64, 64), 0.4)))
