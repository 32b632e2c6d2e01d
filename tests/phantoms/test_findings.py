from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mammo.phantoms.findings import Breast, draw_breast
from mammo.phantoms.image import ImagePlan, plan_image
from mammo.phantoms.spec import CohortSpec, Dials, Mix
from mammo.records import Laterality, Pathology, View

SPEC = CohortSpec(seed=11)
APART = replace(SPEC, dials=Dials(ipsi=0.0, contra=0.0))
SPECS = [SPEC, APART, replace(SPEC, dials=Dials(ipsi=0.5, contra=0.6))]
AFFECTED = Mix(0.0, 0.5, 0.5)


def plans(spec: CohortSpec, n: int = 30) -> list[ImagePlan]:
    return [plan_image(spec, p, side, view) for p in range(1, n + 1) for side in Laterality for view in View]


def breasts(spec: CohortSpec, n: int = 1000, view: View = View.CC) -> list[Breast]:
    return [draw_breast(spec, p, side, view) for p in range(1, n + 1) for side in Laterality]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("view", View)
def test_breasts_have_the_configured_shares(spec: CohortSpec, view: View) -> None:
    kinds = Counter(breast.worst for breast in breasts(spec, 1000, view))
    assert kinds[Pathology.NONE] / 2000 == pytest.approx(0.16, abs=0.03)
    assert kinds[Pathology.MALIGNANT] / 2000 == pytest.approx(0.42, abs=0.035)


def test_lesion_labels_agree_with_their_breast() -> None:
    for plan in plans(SPEC) + plans(APART, 10):
        labels = Counter(lesion.label for lesion in plan.lesions)
        all_shown = plan.breast.key.view is not None or plan.key.view is View.CC  # some have no room in MLO
        if plan.breast.worst is Pathology.NONE:
            assert not labels
        elif plan.breast.worst is Pathology.BENIGN:
            assert set(labels) <= {Pathology.BENIGN}
        assert plan.breast.worst is Pathology.NONE or not all_shown or plan.breast.worst in labels


@pytest.mark.parametrize("spec", SPECS)
def test_labels_change_only_the_latents(spec: CohortSpec) -> None:
    benign = plans(replace(spec, mix=Mix(0.2, 0.8, 0.0)))
    malignant = plans(replace(spec, mix=Mix(0.2, 0.0, 0.8)))
    for b, m in zip(benign, malignant, strict=True):
        assert [(x.site, x.finding, x.contrast) for x in b.lesions] == [
            (x.site, x.finding, x.contrast) for x in m.lesions
        ]
        assert (b.shape, b.breast.density) == (m.shape, m.breast.density)
        for x, y in zip(b.lesions, m.lesions, strict=True):
            assert (x.latent < y.latent) if y.label is Pathology.MALIGNANT else (x.latent == y.latent)


@pytest.mark.parametrize("spec", SPECS)
def test_dials_at_zero_give_no_signal(spec: CohortSpec) -> None:
    off = replace(spec, dials=replace(spec.dials, local=0.0, context=0.0))
    benign = plans(replace(off, mix=Mix(0.2, 0.8, 0.0)), 20)
    malignant = plans(replace(off, mix=Mix(0.2, 0.0, 0.8)), 20)
    for b, m in zip(benign, malignant, strict=True):
        assert b.breast.context == m.breast.context
        assert [x.latent for x in b.lesions] == [x.latent for x in m.lesions]


def test_full_division_leaves_each_breast_one_of_the_two_signals() -> None:
    divided = replace(SPEC, dials=Dials(2.0, 1.0, division=1.0))
    benign, malignant = (breasts(replace(divided, mix=mix), 300) for mix in (Mix(0, 1, 0), Mix(0, 0, 1)))
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


def pairs(spec: CohortSpec, n: int = 40) -> list[tuple[ImagePlan, ImagePlan]]:
    """CC and MLO of every breast."""
    found = plans(spec, n)
    return list(zip(found[::2], found[1::2], strict=True))


def test_both_views_show_the_same_findings_at_other_sites() -> None:
    together = missing = 0
    for cc, mlo in pairs(replace(SPEC, dials=Dials(ipsi=1.0), mix=AFFECTED)):
        shown = {lesion.number: lesion for lesion in mlo.lesions}
        for lesion in cc.lesions:
            other = shown.pop(lesion.number, None)
            missing, together = missing + (other is None), together + (other is not None)
            if other:
                assert replace(other, site=lesion.site) == lesion
                assert other.site != lesion.site
                assert lesion.breast == replace(cc.key, view=None)
        assert not shown  # each finding in MLO is in CC, too
    assert 0 < missing < 0.15 * together  # no room on the arc: findings of one view


def test_at_0_every_lesion_has_one_view() -> None:
    for cc, mlo in pairs(APART, 10):
        assert not any(lesion.breast for lesion in cc.lesions + mlo.lesions)
        assert not {lesion.latent for lesion in cc.lesions} & {lesion.latent for lesion in mlo.lesions}


def agreement(ipsi: float) -> tuple[float, float]:
    """Correlations of label and of c between the views of breasts with lesions."""
    spec = replace(SPEC, dials=Dials(ipsi=ipsi), mix=AFFECTED)
    cc, mlo = (breasts(spec, 400, view) for view in View)
    labels = [[breast.worst is Pathology.MALIGNANT for breast in view] for view in (cc, mlo)]
    cues = [[breast.context for breast in view] for view in (cc, mlo)]
    return float(np.corrcoef(labels)[0, 1]), float(np.corrcoef(cues)[0, 1])


def test_views_have_one_label_and_similar_cues_in_the_dials_share_of_breasts() -> None:
    assert agreement(0.0) == pytest.approx((0, 0), abs=3 / np.sqrt(800))
    assert agreement(0.5)[0] == pytest.approx(0.5, abs=3 / np.sqrt(800))
    label, cues = agreement(1.0)
    assert label == 1
    assert 0.15 < cues < 0.5  # by the label alone: noise is each view's own


@pytest.mark.parametrize("ipsi", [0.0, 0.7])
def test_the_other_breast_shares_the_dials_part_of_the_noise_and_no_label(ipsi: float) -> None:
    for contra in (0.0, 0.6):
        spec = replace(SPEC, dials=Dials(context=0.0, ipsi=ipsi, contra=contra))
        both = breasts(spec, 500)
        cues = np.array([breast.context for breast in both]).reshape(-1, 2)
        assert np.corrcoef(cues.T)[0, 1] == pytest.approx(contra, abs=0.13)
        assert cues.std() == pytest.approx(1, abs=0.06)
        labels = np.array([breast.worst is Pathology.MALIGNANT for breast in both]).reshape(-1, 2)
        assert np.corrcoef(labels.T)[0, 1] == pytest.approx(0, abs=0.13)
