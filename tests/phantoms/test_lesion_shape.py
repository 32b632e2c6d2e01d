from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_closing, binary_fill_holes, label

from mammo.phantoms.canvas import Canvas
from mammo.phantoms.findings import Finding, Lesion
from mammo.phantoms.lesion_shape import DISTRIBUTION_SHARES, Distribution, draw_form, outline, outline_reach
from mammo.phantoms.placement import OUTLINE_REACH, Site
from mammo.phantoms.spec import Key
from mammo.records import Laterality, Pathology, View

KEY = Key(0, 1, Laterality.LEFT, View.CC)
CANVAS = Canvas(0.125, 0, 120, 120)
LESION = Lesion(1, Finding.MASS, Pathology.BENIGN, 0.1, Site(480, 480, 115), 0.33)
KEYS = [replace(KEY, patient=patient) for patient in range(1, 31)]


@pytest.mark.parametrize("finding", Finding)
def test_outlines_are_independent_of_latent_and_label(finding: Finding) -> None:
    lesion = replace(LESION, finding=finding)
    other = replace(lesion, latent=0.95, label=Pathology.MALIGNANT)
    assert np.array_equal(outline(KEY, lesion, CANVAS), outline(KEY, other, CANVAS))
    assert outline_reach(KEY, lesion) == outline_reach(KEY, other)


@pytest.mark.parametrize("finding", Finding)
def test_outlines_are_smooth_connected_and_within_reach(finding: Finding) -> None:
    lesion = replace(LESION, finding=finding)
    for key in KEYS:
        mask = outline(key, lesion, CANVAS)
        assert label(mask)[1] == 1
        assert np.array_equal(binary_fill_holes(mask), mask)
        assert binary_closing(mask, iterations=4).sum() < 1.04 * mask.sum()  # no dents
        rows, cols = np.nonzero(mask)
        away = np.hypot((rows + 0.5) * 8 - 480, (cols + 0.5) * 8 - 480).max()
        reach = outline_reach(key, lesion)
        assert 0.85 * reach < away <= reach < OUTLINE_REACH * lesion.site.radius + 0.01


def test_both_views_of_a_finding_have_one_distribution_and_outlines_of_their_own() -> None:
    for patient in range(1, 21):
        views = [Key(0, patient, Laterality.LEFT, view) for view in View]
        lesion = replace(LESION, finding=Finding.CALCIFICATION, breast=Key(0, patient, Laterality.LEFT))
        cc, mlo = (draw_form(key, lesion) for key in views)
        assert (cc.distribution, cc.coin) == (mlo.distribution, mlo.coin)
        assert not np.array_equal(cc.contour, mlo.contour)
    alone = replace(lesion, breast=None)
    assert len({draw_form(key, alone).coin for key in views}) == 2


def test_outlines_keep_position_and_size_at_every_scale() -> None:
    masks = {s: outline(KEY, LESION, Canvas(s, 0, round(960 * s), round(960 * s))) for s in (0.125, 0.25, 0.5)}
    centers = [(np.argwhere(mask).mean(axis=0) + 0.5) / s for s, mask in masks.items()]
    areas = [mask.sum() / s**2 for s, mask in masks.items()]
    assert np.ptp(centers, axis=0).max() < 2
    assert np.ptp(areas) < 0.03 * areas[-1]


def test_linear_clusters_are_long_and_distributions_have_their_shares() -> None:
    lesion = replace(LESION, finding=Finding.CALCIFICATION)
    forms = [draw_form(replace(KEY, patient=patient), lesion) for patient in range(1, 801)]
    counts = Counter(form.distribution for form in forms)
    for distribution, share in zip(Distribution, DISTRIBUTION_SHARES, strict=True):
        assert counts[distribution] / 800 == pytest.approx(share, abs=0.05)
    slender = {
        d: np.mean([f.contour.max() / f.contour.min() for f in forms if f.distribution is d]) for d in Distribution
    }
    assert slender[Distribution.LINEAR] > 1.5 * slender[Distribution.REGIONAL]
