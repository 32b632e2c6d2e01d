from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.findings import draw_breast
from mammo.phantoms.image import ImagePlan, plan_image
from mammo.phantoms.spec import CohortSpec, Dials, Mix
from mammo.records import Laterality, Pathology, View

SPEC = CohortSpec(seed=11)


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
