import re
from collections.abc import Callable
from itertools import product

import pytest

from mammo.phantoms.spec import CohortSpec, Dials, Key, Mix, Purpose
from mammo.records import Laterality, MammoError, View


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CohortSpec(seed=-1), "seed must be a whole number >= 0, got -1"),
        (lambda: CohortSpec(scale=0.05), "scale must be in [0.125, 1] (0.125 is 416 x 320 px), got 0.05"),
        (lambda: CohortSpec(n_patients=0), "n_patients must be a whole number in [1, 9999], got 0"),
        (lambda: Dials(local=-0.5), "dials.local must be a number in [0, 100], got -0.5"),
        (lambda: Dials(context=float("nan")), "dials.context must be a number in [0, 100], got nan"),
        (lambda: Dials(division=1.5), "dials.division must be a number in [0, 1], got 1.5"),
        (lambda: Dials(contra=-1), "dials.contra must be a number in [0, 1], got -1"),
        (lambda: Dials(ipsi=2), "dials.ipsi must be a number in [0, 1], got 2"),
        (lambda: Mix(negative=0.5), "mix must be three shares >= 0 that sum to 1, got mix.negative=0.5"),
    ],
)
def test_invalid_values_are_rejected(make: Callable[[], object], message: str) -> None:
    with pytest.raises(MammoError, match=re.escape(message)):
        make()


def test_the_recipe_contains_every_parameter() -> None:
    assert CohortSpec(seed=3).recipe() == {
        "format": 8,
        "seed": 3,
        "scale": 0.125,
        "n_patients": 600,
        "dials": {"local": 3.2, "context": 1.4, "division": 0.75, "ipsi": 0.9, "contra": 0.95},
        "mix": {"negative": 0.16, "benign": 0.42, "malignant": 0.42},
    }


def test_1_and_1_0_give_the_same_recipe() -> None:
    assert str(CohortSpec(scale=1, dials=Dials(2, 1, 0, 1)).recipe()) == str(
        CohortSpec(scale=1.0, dials=Dials(2.0, 1.0, 0.0, 1.0)).recipe()
    )


def test_equal_arguments_give_equal_draws() -> None:
    key = Key(3, 7, Laterality.LEFT, View.MLO)
    assert key.rng(Purpose.NOISE, 2).random() == key.rng(Purpose.NOISE, 2).random()


def test_every_owner_purpose_and_index_has_its_own_stream() -> None:
    keys = [Key(s, p, b, v) for s, p, b, v in product((0, 1), (1, 2), (None, *Laterality), (None, *View))]
    draws = [key.rng(purpose, index).random() for key in keys for purpose in Purpose for index in (0, 1)]
    assert len(set(draws)) == len(draws)
