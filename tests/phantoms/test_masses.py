from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.image import draw_lesion
from mammo.phantoms.placement import Site
from mammo.phantoms.randomness import Key
from mammo.records import Laterality, Pathology, View

CANVAS = Canvas(0.25, 0, 280, 280)
MASS = Lesion(1, Finding.MASS, Pathology.BENIGN, 0.1, Site(560, 560, 115), 0.33)
LATENTS = (0.05, 0.35, 0.65, 0.95)
down, right = np.mgrid[:280, :280] + 0.5 - 140
RADIUS, ANGLE = np.hypot(down, right) / (115 * 0.25), np.arctan2(down, right)


def light(latent: float, patient: int) -> np.ndarray:
    tissue = np.full((280, 280), 0.3, dtype=np.float32)
    draw_lesion(Key(0, patient, Laterality.LEFT, View.CC), replace(MASS, latent=latent), CANVAS, tissue)
    return tissue - 0.3


def mean_by_latent(measure: object) -> list[float]:
    assert callable(measure)
    return [float(np.mean([measure(light(v, patient)) for patient in range(1, 13)])) for v in LATENTS]


def around(values: np.ndarray, radius: float) -> np.ndarray:
    """Mean of a ring in 120 directions [120]."""
    ring = np.abs(RADIUS - radius) < 0.05
    index = ((ANGLE[ring] + np.pi) / (2 * np.pi) * 120).astype(int) % 120
    return np.bincount(index, values[ring], 120) / np.maximum(np.bincount(index, minlength=120), 1)


def margin_width(x: np.ndarray) -> float:
    """Width over which mean brightness falls from 75 % to 25 % of its value inside, radii."""
    steps = np.arange(0.4, 1.8, 0.02)
    mean = np.array([x[np.abs(RADIUS - r) < 0.03].mean() for r in steps])
    inside = x[np.abs(RADIUS - 0.4) < 0.1].mean()
    return float(0.02 * ((mean > 0.25 * inside) & (mean < 0.75 * inside)).sum())


def test_margins_grow_less_distinct_with_the_latent() -> None:
    width = mean_by_latent(margin_width)
    assert width == sorted(width)
    assert width[-1] > 2 * width[0]


def test_spicules_grow_with_the_latent() -> None:
    ragged = mean_by_latent(lambda x: around(np.clip(x, 0, None), 1.25).std())
    assert ragged == sorted(ragged)
    assert ragged[-1] > 2 * ragged[0]


def test_spiculated_masses_are_denser_in_the_middle_than_circumscribed_ones() -> None:
    middle = mean_by_latent(lambda x: x[RADIUS < 0.2].mean() / x[np.abs(RADIUS - 0.6) < 0.05].mean())
    assert middle == sorted(middle)
    assert middle[0] == pytest.approx(1.1, abs=0.2)
