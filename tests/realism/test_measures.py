"""Measures of drawn breasts with known values."""

import numpy as np
import pytest

from mammo.realism.breast_images import BreastImage
from mammo.realism.measures import MEASURES, image_measures


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
