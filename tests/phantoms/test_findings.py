from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.anatomy import CELL_PX, draw_shape
from mammo.phantoms.findings import GAP_PX, MAX_SPREAD_PX, OUTLINE_REACH, draw_breast, place_lesions
from mammo.phantoms.image import ImagePlan, plan_image
from mammo.phantoms.spec import CohortSpec, Dials, Key, Mix
from mammo.records import Laterality, Pathology, View

SPEC = CohortSpec(seed=11)

KEYS = [Key(0, p, Laterality.LEFT, view) for p in range(1, 26) for view in View]
RADII = np.array([150.0, 110.0, 90.0])


def plans(spec: CohortSpec, n: int = 30) -> list[ImagePlan]:
    return [plan_image(spec, p, side, view) for p in range(1, n + 1) for side in Laterality for view in View]


def test_breasts_have_the_configured_shares() -> None:
    kinds = Counter(draw_breast(SPEC, p, side).worst for p in range(1, 1001) for side in Laterality)
    assert kinds[Pathology.NONE] / 2000 == pytest.approx(0.16, abs=0.03)
    assert kinds[Pathology.MALIGNANT] / 2000 == pytest.approx(0.42, abs=0.035)


def test_lesion_labels_agree_with_their_breast() -> None:
    for plan in plans(SPEC):
        labels = Counter(lesion.label for lesion in plan.lesions)
        if plan.breast.worst is Pathology.NONE:
            assert not labels
        elif plan.breast.worst is Pathology.BENIGN:
            assert set(labels) == {Pathology.BENIGN}
        else:
            assert labels[Pathology.MALIGNANT] >= 1


def test_labels_change_only_the_latents() -> None:
    benign = plans(replace(SPEC, mix=Mix(0.2, 0.8, 0.0)))
    malignant = plans(replace(SPEC, mix=Mix(0.2, 0.0, 0.8)))
    for b, m in zip(benign, malignant, strict=True):
        assert [(x.site, x.finding, x.contrast) for x in b.lesions] == [
            (x.site, x.finding, x.contrast) for x in m.lesions
        ]
        assert (b.shape, b.breast.density) == (m.shape, m.breast.density)
        for x, y in zip(b.lesions, m.lesions, strict=True):
            assert (x.latent < y.latent) if y.label is Pathology.MALIGNANT else (x.latent == y.latent)


def test_dials_at_zero_give_no_signal() -> None:
    off = replace(SPEC, dials=Dials(0.0, 0.0))
    benign = plans(replace(off, mix=Mix(0.2, 0.8, 0.0)), 20)
    malignant = plans(replace(off, mix=Mix(0.2, 0.0, 0.8)), 20)
    for b, m in zip(benign, malignant, strict=True):
        assert b.breast.context == m.breast.context
        assert [x.latent for x in b.lesions] == [x.latent for x in m.lesions]


def test_full_division_leaves_each_breast_one_of_the_two_signals() -> None:
    divided = replace(SPEC, dials=Dials(2.0, 1.0, division=1.0))
    benign = [draw_breast(replace(divided, mix=Mix(0, 1, 0)), p, side) for p in range(1, 301) for side in Laterality]
    malignant = [draw_breast(replace(divided, mix=Mix(0, 0, 1)), p, side) for p in range(1, 301) for side in Laterality]
    by_context = [m.context - b.context for b, m in zip(benign, malignant, strict=True)]
    assert [m.local for m in malignant] == [b.local for b in benign]
    signals = Counter((m.local, round(c, 6)) for m, c in zip(malignant, by_context, strict=True))
    assert set(signals) == {(4.0, 0.0), (0.0, 2.0)}  # the means over breasts are the dials
    assert signals[4.0, 0.0] / 600 == pytest.approx(0.5, abs=0.07)


def test_the_order_of_sites_is_independent_of_labels() -> None:
    both = [x for plan in plans(SPEC, 150) if plan.breast.worst is Pathology.MALIGNANT for x in plan.lesions[:2]]
    numbers = {label: [x.number for x in both if x.label is label] for label in Pathology}
    first = np.mean([n == 1 for n in numbers[Pathology.BENIGN]])
    assert first == pytest.approx(0.5, abs=0.2)  # a further lesion comes first as often as second


@pytest.mark.parametrize("key", KEYS[:6])
def test_sites_are_a_pure_function_of_the_generator(key: Key) -> None:
    shape = draw_shape(key)
    assert place_lesions(np.random.default_rng(1), shape, RADII) == place_lesions(
        np.random.default_rng(1), shape, RADII
    )


def test_sites_lie_in_tissue_off_skin_and_muscle() -> None:
    for key in KEYS:
        shape = draw_shape(key)
        for site in place_lesions(np.random.default_rng(key.patient), shape, RADII):
            reach = OUTLINE_REACH * site.radius
            assert site.col > reach
            assert shape.skin_depth[int(site.row / CELL_PX), int(site.col / CELL_PX)] > reach
            assert shape.pectoral_depth(np.float32([[site.row]]), np.float32([[site.col]])).item() < -reach


def test_sites_are_apart_but_near_each_other() -> None:
    for key in KEYS:
        sites = place_lesions(np.random.default_rng(key.patient), draw_shape(key), RADII)
        assert sites
        for i, a in enumerate(sites):
            for b in sites[:i]:
                apart = np.hypot(a.row - b.row, a.col - b.col)
                assert OUTLINE_REACH * (a.radius + b.radius) + GAP_PX / 2 < apart < MAX_SPREAD_PX + 60
