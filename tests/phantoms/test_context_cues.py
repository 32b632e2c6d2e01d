from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mammo.phantoms.image import ImagePlan, Phantom, draw_image, plan_image
from mammo.phantoms.placement import KEEPOUT_PX
from mammo.phantoms.spec import CohortSpec, Dials, Mix
from mammo.records import Laterality, View

SPEC = CohortSpec(seed=4, mix=Mix(0.0, 0.5, 0.5))
APART = replace(SPEC, dials=Dials(ipsi=0.0))


def draw(plan: ImagePlan, shown: float) -> Phantom:
    return draw_image(replace(plan, shown=shown))


def distance(phantom: Phantom, scale: float) -> np.ndarray:
    """Distance of each pixel to the nearest outline, full-size px."""
    free = ~np.logical_or.reduce(phantom.masks)
    return np.asarray(cv2.distanceTransform(free.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / scale)


@pytest.mark.parametrize("spec", [SPEC, APART], ids=["two-view", "one-view"])
@pytest.mark.parametrize("patient", range(1, 7))
@pytest.mark.parametrize("view", View)
def test_cues_are_exactly_zero_near_every_lesion_and_present_beyond(spec: CohortSpec, patient: int, view: View) -> None:
    plan = plan_image(spec, patient, Laterality.LEFT, view)
    low, high = draw(plan, -3.0), draw(plan, 3.0)
    away = distance(low, plan.scale)
    near = away <= KEEPOUT_PX
    assert np.array_equal(low.pixels[near], high.pixels[near])
    far = (away > 560) & (low.pixels > 0)
    differs = (low.pixels[far].astype(int) != high.pixels[far]).mean()
    assert differs > 0.5
    assert low.cue_share > 0.05


def test_without_the_local_signal_no_pixel_near_a_lesion_depends_on_labels() -> None:
    spec = replace(SPEC, dials=Dials(local=0.0, context=3.0, ipsi=0.5, contra=0.8))
    cohorts = [replace(spec, mix=mix) for mix in (Mix(0.0, 1.0, 0.0), Mix(0.0, 0.0, 1.0))]
    for patient, side, view in [(1, "L", View.CC), (1, "L", View.MLO), (2, "R", View.CC), (3, "R", View.MLO)]:
        plans = [plan_image(each, patient, Laterality(side), view) for each in cohorts]
        benign, malignant = (draw_image(plan) for plan in plans)
        near = distance(benign, plans[0].scale) <= KEEPOUT_PX
        assert np.array_equal(benign.pixels[near], malignant.pixels[near])
        assert not np.array_equal(benign.pixels, malignant.pixels)
        assert {lesion.label for lesion in plans[0].lesions} != {lesion.label for lesion in plans[1].lesions}


def test_cues_grow_smoothly_with_the_latent() -> None:
    plan = plan_image(replace(SPEC, mix=Mix(1.0, 0.0, 0.0)), 1, Laterality.LEFT, View.CC)
    steps = [draw(plan, c).pixels.astype(float) for c in np.linspace(-2, 2, 9)]
    changes = [np.abs(b - a).mean() for a, b in pairwise(steps)]
    assert max(changes) < 4 * min(changes)
    total = np.abs(steps[-1] - steps[0]).mean()
    assert total > 2 * max(changes)


@pytest.mark.parametrize("shown", [-4.0, 4.0])
def test_the_strongest_cues_of_either_direction_do_not_saturate(shown: float) -> None:
    for patient in range(1, 6):
        for view in View:
            pixels = draw(plan_image(SPEC, patient, Laterality.LEFT, view), shown).pixels
            assert (pixels == 4095).mean() < 1e-4
            assert np.quantile(pixels[pixels > 0], 0.999) < 4000
