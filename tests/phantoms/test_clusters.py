from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import label, maximum_filter, median_filter

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.clusters import Morphology, morphology
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.image import draw_lesion
from mammo.phantoms.lesion_shape import Distribution, draw_form
from mammo.phantoms.placement import Site
from mammo.phantoms.spec import Key
from mammo.records import Laterality, Pathology, View

CANVAS = Canvas(0.5, 0, 480, 480)
CLUSTER = Lesion(1, Finding.CALCIFICATION, Pathology.BENIGN, 0.1, Site(480, 480, 115), 0.33)
ORDER = list(Morphology)


def light(latent: float, patient: int) -> np.ndarray:
    tissue = np.full((480, 480), 0.3, dtype=np.float32)
    draw_lesion(Key(0, patient, Laterality.LEFT, View.CC), replace(CLUSTER, latent=latent), CANVAS, tissue)
    return tissue - 0.3


def spots(latent: float, patient: int) -> np.ndarray:
    """Peak brightness of a cluster's separate bright spots."""
    x = light(latent, patient)[140:340, 140:340]  # the whole cluster has a radius of 58 px; a wide median is slow
    over = x - median_filter(x, 31)
    return x[(over == maximum_filter(over, 5)) & (over > 0.03)]


def longest(latent: float) -> float:
    """Mean over clusters of the longest extent of one bright particle, px."""
    found = []
    for patient in range(1, 9):
        x = light(latent, patient)
        parts, n = label(x > 0.5 * x.max())
        found.append(max(np.ptp(np.argwhere(parts == i + 1), axis=0).max() for i in range(n)))
    return float(np.mean(found))


def test_morphologies_follow_the_latent_in_order_of_suspicion() -> None:
    assert {morphology(v, coin) for v in np.linspace(0.01, 0.99, 50) for coin in (0.2, 0.8)} == set(Morphology)
    for coin in (0.1, 0.5, 0.9):
        ranks = [max(ORDER.index(morphology(v, coin)), 1) for v in np.linspace(0.01, 0.99, 99)]
        assert ranks == sorted(ranks)


def test_number_and_brightness_of_calcifications_follow_the_morphology() -> None:
    found = {v: [spots(v, patient) for patient in range(1, 9)] for v in (0.1, 0.42, 0.65)}
    number = {v: np.mean([len(x) for x in each]) for v, each in found.items()}
    assert min(number[0.42], number[0.65]) > 2 * number[0.1]
    peak = {v: np.median(np.concatenate(each)) for v, each in found.items()}
    assert peak[0.42] < 0.75 * min(peak[0.1], peak[0.65])


def test_branching_clusters_have_rods() -> None:
    assert longest(0.95) > 2 * longest(0.65)


@pytest.mark.parametrize("latent", [0.1, 0.65, 0.95])
def test_linear_clusters_lie_along_their_axis(latent: float) -> None:
    ratios = []
    for patient in range(1, 60):
        form = draw_form(Key(0, patient, Laterality.LEFT, View.CC), CLUSTER)
        if form.distribution is not Distribution.LINEAR:
            continue
        x = light(latent, patient)
        at = np.argwhere(x > 0.4 * x.max()) - 239.5
        along = at[:, 1] * np.cos(form.axis) + at[:, 0] * np.sin(form.axis)
        across = at[:, 0] * np.cos(form.axis) - at[:, 1] * np.sin(form.axis)
        ratios.append(along.std() / across.std())
    assert len(ratios) > 3
    assert np.median(ratios) > 1.8
