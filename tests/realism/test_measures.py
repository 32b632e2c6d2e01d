"""Measures of drawn breasts with known values; texture features against their definitions and on known noise."""

from itertools import pairwise

import numpy as np
import pytest

from mammo.realism.breast_images import BreastImage
from mammo.realism.measures import (
    FEATURES,
    LEVELS,
    MEASURES,
    PROPERTIES,
    binary_patterns,
    co_occurrence,
    image_measures,
    spectral_slope,
    texture_features,
)


def half_disc(radius: int, gray: np.ndarray | float, scale: float = 0.25) -> BreastImage:
    size = radius + 20
    rows, cols = np.ogrid[0 : 2 * size, 0:size]
    inside = (rows + 0.5 - size) ** 2 + cols**2 < radius**2
    return BreastImage(np.where(inside, gray, 0).astype(np.float32), scale, "p")


def test_breast_area_is_relative_to_the_papers_window() -> None:
    found = image_measures(half_disc(250, 0.5))
    assert found["breast area"] == pytest.approx(np.pi * 1000**2 / 2 / (2944 * 1920), rel=0.01)
    assert list(found) == list(MEASURES)


def test_a_uniform_breast_has_no_contrast_and_an_even_rim() -> None:
    found = image_measures(half_disc(250, 0.5))
    assert found["contrast"] == pytest.approx(0, abs=1e-6)
    assert all(found[f"gray {percent} %"] == 0.5 for percent in (5, 25, 50, 75, 95))
    assert all(value == pytest.approx(1) for name, value in found.items() if name.startswith("rim"))


def test_brightness_is_measured_per_band_below_the_skin() -> None:
    radius, size = 250, 270
    rows, cols = np.ogrid[0 : 2 * size, 0:size]
    depth_mm = (radius - np.hypot(rows + 0.5 - size, cols)) * 4 * 0.07
    found = image_measures(half_disc(radius, np.where(depth_mm < 3, 0.25, np.where(depth_mm < 4, 0.75, 0.5))))
    assert found["rim 0-2 mm"] == pytest.approx(0.5, abs=0.02)
    assert found["rim 2-4 mm"] == pytest.approx(1.0, abs=0.1)
    assert found["rim 4-8 mm"] == pytest.approx(1.0, abs=0.05)


def test_contrast_is_relative_to_the_mean_gray_level() -> None:
    rng = np.random.default_rng(0)
    found = image_measures(half_disc(250, 0.5 + 0.1 * rng.choice([-1, 1], (540, 270))))
    assert found["contrast"] == pytest.approx(0.2, rel=0.02)
    assert found["slope"] == pytest.approx(0, abs=0.3)


def test_an_empty_image_has_no_measures() -> None:
    found = image_measures(BreastImage(np.zeros((300, 200), np.float32), 0.25, "p"))
    assert np.isnan(list(found.values())).all()


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
