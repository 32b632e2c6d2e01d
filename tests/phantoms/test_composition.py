from dataclasses import astuple

import numpy as np
import pytest

from mammo.phantoms.composition import DENSITY_SHARES, draw_composition
from mammo.phantoms.findings import draw_breast
from mammo.phantoms.randomness import Key
from mammo.phantoms.spec import CohortSpec
from mammo.records import Laterality, View


def test_densities_have_the_shares_of_a_screening_population() -> None:
    """BI-RADS atlas, 5th edition: A 10 %, B 40 %, C 40 %, D 10 %."""
    densities = [draw_breast(CohortSpec(seed=3), p, Laterality.LEFT).density for p in range(1, 1501)]
    assert DENSITY_SHARES == (0.1, 0.4, 0.4, 0.1)
    assert np.bincount(densities) / 1500 == pytest.approx(DENSITY_SHARES, abs=0.04)


def test_breasts_of_one_patient_have_similar_composition() -> None:
    keys = [Key(0, p, side, view) for p in range(1, 61) for side in Laterality for view in View]
    builds = np.array([astuple(draw_composition(key, 1)) for key in keys]).reshape(60, 4, -1)
    within, between = builds.std(axis=1).mean(axis=0), builds.mean(axis=1).std(axis=0)
    assert (between > 1.3 * within).all()


def test_density_changes_only_the_glands() -> None:
    key = Key(0, 1, Laterality.LEFT, View.CC)
    fatty, dense = (astuple(draw_composition(key, density)) for density in (0, 3))
    assert fatty[0] < dense[0]
    assert fatty[1:] == dense[1:]
