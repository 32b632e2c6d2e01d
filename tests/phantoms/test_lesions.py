from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.lesions import draw_lesion, outline, outline_reach
from mammo.phantoms.placement import Site
from mammo.phantoms.randomness import Key
from mammo.records import Laterality, Pathology, View

KEY = Key(0, 1, Laterality.LEFT, View.CC)
CANVAS = Canvas(0.125, 0, 120, 120)
MASS = Lesion(1, Finding.MASS, Pathology.BENIGN, 0.1, Site(480, 480, 115), 0.33)


def drawn(lesion: Lesion, canvas: Canvas = CANVAS) -> np.ndarray:
    tissue = np.full((canvas.height, canvas.width), 0.3, dtype=np.float32)
    draw_lesion(KEY, lesion, canvas, tissue)
    return tissue


@pytest.mark.parametrize("finding", Finding)
def test_appearance_knows_the_latent_and_not_the_label(finding: Finding) -> None:
    lesion = replace(MASS, finding=finding)
    assert np.array_equal(drawn(lesion), drawn(replace(lesion, label=Pathology.MALIGNANT)))
    assert not np.array_equal(drawn(lesion), drawn(replace(lesion, latent=0.9)))


def test_the_outline_knows_neither() -> None:
    other = replace(MASS, latent=0.95, label=Pathology.MALIGNANT)
    assert np.array_equal(outline(KEY, MASS, CANVAS), outline(KEY, other, CANVAS))


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("latent", [0.05, 0.95])
def test_the_outline_holds_most_of_the_light(finding: Finding, latent: float) -> None:
    lesion = replace(MASS, finding=finding, latent=latent)
    light, inside = drawn(lesion) - 0.3, outline(KEY, lesion, CANVAS)
    spiculated = finding is Finding.MASS and latent > 0.5  # its spicules reach past the outline, as drawn by hand
    assert light[inside].sum() > (0.65 if spiculated else 0.75) * light.sum()


def test_malignant_masses_spread_past_a_blurred_edge() -> None:
    spread = []
    for latent in (0.05, 0.95):
        light = drawn(replace(MASS, latent=latent)) - 0.3
        spread.append(((light > 0.1 * light.max()) & (light < 0.6 * light.max())).sum())
    assert spread[1] > 1.5 * spread[0]


def test_outlines_keep_place_and_size_at_every_scale() -> None:
    masks = {s: outline(KEY, MASS, Canvas(s, 0, round(960 * s), round(960 * s))) for s in (0.125, 0.25, 0.5)}
    centres = [(np.argwhere(mask).mean(axis=0) + 0.5) / s for s, mask in masks.items()]
    areas = [mask.sum() / s**2 for s, mask in masks.items()]
    assert np.ptp(centres, axis=0).max() < 2
    assert np.ptp(areas) < 0.03 * areas[-1]


def test_reach_holds_the_outline() -> None:
    rows, cols = np.nonzero(outline(KEY, MASS, CANVAS))
    away = np.hypot((rows + 0.5) * 8 - 480, (cols + 0.5) * 8 - 480)
    assert 0.85 * outline_reach(KEY, MASS) < away.max() <= outline_reach(KEY, MASS)
