from itertools import product

from mammo.phantoms.randomness import Key, Purpose
from mammo.records import Laterality, View


def test_equal_arguments_give_equal_draws() -> None:
    key = Key(3, 7, Laterality.LEFT, View.MLO)
    assert key.rng(Purpose.NOISE, 2).random() == key.rng(Purpose.NOISE, 2).random()


def test_every_owner_purpose_and_index_has_its_own_stream() -> None:
    keys = [Key(s, p, b, v) for s, p, b, v in product((0, 1), (1, 2), (None, *Laterality), (None, *View))]
    draws = [key.rng(purpose, index).random() for key in keys for purpose in Purpose for index in (0, 1)]
    assert len(set(draws)) == len(draws)
