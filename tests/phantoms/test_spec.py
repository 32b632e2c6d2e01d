from collections.abc import Callable

import pytest

from mammo.phantoms.spec import CohortSpec, Dials, Mix
from mammo.records import MammoError


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: CohortSpec(seed=-1), "seed=-1"),
        (lambda: CohortSpec(scale=0.05), "scale=0.05"),
        (lambda: CohortSpec(n_patients=0), "n_patients=0"),
        (lambda: Dials(local=-0.5), "dials.local=-0.5"),
        (lambda: Dials(context=float("nan")), "dials.context=nan"),
        (lambda: Dials(division=1.5), "dials.division=1.5"),
        (lambda: Mix(negative=0.5), "mix.negative=0.5"),
    ],
)
def test_wrong_values_are_named(build: Callable[[], object], told: str) -> None:
    with pytest.raises(MammoError, match=told):
        build()


def test_recipe_tells_every_parameter() -> None:
    assert CohortSpec(seed=3).recipe() == {
        "format": 6,
        "seed": 3,
        "scale": 0.125,
        "n_patients": 600,
        "dials": {"local": 3.3, "context": 1.15, "division": 0.6},
        "mix": {"negative": 0.16, "benign": 0.42, "malignant": 0.42},
    }


def test_a_recipe_does_not_tell_1_from_1_0() -> None:
    assert str(CohortSpec(scale=1, dials=Dials(2, 1, 0)).recipe()) == str(
        CohortSpec(scale=1.0, dials=Dials(2.0, 1.0, 0.0)).recipe()
    )
