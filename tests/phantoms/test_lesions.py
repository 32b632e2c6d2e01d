from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.lesion_shape import outline
from mammo.phantoms.lesions import draw_lesion
from mammo.phantoms.placement import Site
from mammo.phantoms.randomness import Key
from mammo.records import Laterality, Pathology, View

KEY = Key(0, 1, Laterality.LEFT, View.CC)
CANVAS = Canvas(0.125, 0, 140, 140)
LESION = Lesion(1, Finding.MASS, Pathology.BENIGN, 0.1, Site(560, 560, 115), 0.33)


def drawn(lesion: Lesion, patient: int = 1, level: float = 0.3) -> np.ndarray:
    tissue = np.full((CANVAS.height, CANVAS.width), level, dtype=np.float32)
    draw_lesion(replace(KEY, patient=patient), lesion, CANVAS, tissue)
    return tissue


@pytest.mark.parametrize("finding", Finding)
def test_appearance_knows_the_latent_and_not_the_label(finding: Finding) -> None:
    lesion = replace(LESION, finding=finding)
    assert np.array_equal(drawn(lesion), drawn(lesion))
    assert np.array_equal(drawn(lesion), drawn(replace(lesion, label=Pathology.MALIGNANT)))
    assert not np.array_equal(drawn(lesion), drawn(replace(lesion, latent=0.9)))


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("latent", [0.05, 0.4, 0.65, 0.95])
def test_the_outline_holds_most_of_the_light(finding: Finding, latent: float) -> None:
    for patient in range(1, 9):
        lesion = replace(LESION, finding=finding, latent=latent)
        light = np.clip(drawn(lesion, patient) - 0.3, 0, None)
        inside = outline(replace(KEY, patient=patient), lesion, CANVAS)
        least = 0.9 if finding is Finding.CALCIFICATION else 0.8  # spicules run out of the outline, as drawn by hand
        assert light[inside].sum() > least * light.sum()


@pytest.mark.parametrize("finding", Finding)
@pytest.mark.parametrize("level", [0.15, 0.5, 0.8, 0.95])
def test_no_lesion_turns_white_and_each_stands_out(finding: Finding, level: float) -> None:
    for latent in (0.05, 0.5, 0.95):
        strong = drawn(replace(LESION, finding=finding, latent=latent, contrast=0.42), level=level)
        assert strong.max() < 1 - 0.2 * (1 - level)
        assert strong.max() > level + 0.1 * (1 - level)


def test_contrast_follows_the_surroundings() -> None:
    added = [drawn(LESION, level=level)[70, 70] - level for level in (0.15, 0.3, 0.45)]
    assert added[0] < added[1] < added[2]
