from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from mammo.phantoms.findings import KEEPOUT_PX
from mammo.phantoms.image import ImagePlan, Phantom, draw_image, plan_image
from mammo.phantoms.spec import CohortSpec, Mix
from mammo.records import Laterality, View

SPEC = CohortSpec(seed=4, mix=Mix(0.0, 0.5, 0.5))


def draw(plan: ImagePlan, latent: float) -> Phantom:
    return draw_image(replace(plan, breast=replace(plan.breast, context=latent)))


@pytest.mark.parametrize("patient", range(1, 7))
@pytest.mark.parametrize("view", View)
def test_cues_are_exactly_zero_near_every_lesion_and_present_beyond(patient: int, view: View) -> None:
    plan = plan_image(SPEC, patient, Laterality.LEFT, view)
    low, high = draw(plan, -3.0), draw(plan, 3.0)
    outlines = np.logical_or.reduce(low.masks)
    away = cv2.distanceTransform((~outlines).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / plan.scale
    near = away <= KEEPOUT_PX
    assert np.array_equal(low.pixels[near], high.pixels[near])
    far = (away > 560) & (low.pixels > 0)
    differs = (low.pixels[far].astype(int) != high.pixels[far]).mean()
    assert differs > 0.5
    assert low.cue_share > 0.05


def test_cues_grow_smoothly_with_the_latent() -> None:
    plan = plan_image(replace(SPEC, mix=Mix(1.0, 0.0, 0.0)), 1, Laterality.LEFT, View.CC)
    steps = [draw(plan, c).pixels.astype(float) for c in np.linspace(-2, 2, 9)]
    changes = [np.abs(b - a).mean() for a, b in pairwise(steps)]
    assert max(changes) < 4 * min(changes)
    total = np.abs(steps[-1] - steps[0]).mean()
    assert total > 2 * max(changes)
