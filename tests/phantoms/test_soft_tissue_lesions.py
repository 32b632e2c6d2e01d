from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.image import draw_lesion
from mammo.phantoms.placement import Site
from mammo.phantoms.soft_tissue_lesions import retract
from mammo.phantoms.spec import Key
from mammo.records import Laterality, Pathology, View

CANVAS = Canvas(0.25, 0, 280, 280)
MASS = Lesion(1, Finding.MASS, Pathology.BENIGN, 0.1, Site(560, 560, 115), 0.33)
LATENTS = (0.05, 0.35, 0.65, 0.95)
SQUARE = Canvas(0.25, 0, 240, 240)
SITE = Site(480, 480, 110)


def polar(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance, px, and direction of each pixel [side, side] from the center."""
    down, right = np.mgrid[:side, :side] + 0.5 - side / 2
    return np.hypot(down, right), np.arctan2(down, right)


RADIUS, ANGLE = polar(280)[0] / (115 * 0.25), polar(280)[1]
DISTANCE, DIRECTION = polar(240)


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


def texture() -> np.ndarray:
    return np.random.default_rng(0).normal(0.3, 0.05, (240, 240)).astype(np.float32)


def anisotropy(plane: np.ndarray) -> float:
    """Ratio of the energy of differences across rays to that along rays, in a ring around the center."""
    along_rows, along_cols = np.gradient(plane)
    ring = (DISTANCE > 15) & (DISTANCE < 40)
    outward = along_rows * np.sin(DIRECTION) + along_cols * np.cos(DIRECTION)
    across = along_rows * np.cos(DIRECTION) - along_cols * np.sin(DIRECTION)
    return float((across[ring] ** 2).mean() / (outward[ring] ** 2).mean())


def test_stronger_retraction_aligns_more_texture_with_the_center() -> None:
    found = []
    for strength in (0.0, 0.3, 0.6, 1.0):
        plane = texture()
        retract(SQUARE, plane, SITE, 2.0, strength, 0.0)
        found.append(anisotropy(plane))
    assert found == sorted(found)
    assert found[0] < 1.2
    assert found[-1] > 1.6


def test_retraction_keeps_the_mean_and_everything_out_of_reach() -> None:
    plane, before = texture(), texture()
    retract(SQUARE, plane, SITE, 2.0, 1.0, 0.1)
    far = DISTANCE > 1.06 * 2.0 * 110 * 0.25
    assert np.array_equal(plane[far], before[far])
    assert abs(plane.mean() - before.mean()) < 0.002
