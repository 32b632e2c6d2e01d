"""Orders of cases: fixed for ever by seed and reader, every case once, and balanced over readers."""

from collections import Counter
from itertools import permutations

import pytest

from mammo.serving.studies.order import Condition, drawn, shuffled, steps_of
from mammo.serving.studies.settings import Design

READERS = [f"R{number}" for number in range(8)]


def test_an_order_never_changes() -> None:
    """A study that goes on with a newer version must show the same cases in the same order."""
    assert shuffled(8, "order", 7, "R1", 1) == (6, 2, 3, 4, 5, 1, 7, 0)
    assert len({shuffled(8, "order", seed, reader, 1) for seed in (7, 8) for reader in ("R1", "R2")}) == 4


def test_all_orders_are_about_equally_frequent() -> None:
    found = Counter(shuffled(3, "order", seed, "R1", 1) for seed in range(6000))
    assert set(found) == set(permutations(range(3)))
    assert all(count == pytest.approx(1000, abs=120) for count in found.values())  # four standard deviations


def test_a_sequential_design_asks_without_then_with() -> None:
    steps = steps_of(Design.SEQUENTIAL, 7, READERS, "R3", 20)
    assert len(steps) == 40
    assert sorted(step.case for step in steps[::2]) == list(range(20))
    for first, second in zip(steps[::2], steps[1::2], strict=True):
        assert (first.case, first.place, first.session) == (second.case, second.place, 1)
        assert (first.condition, second.condition) == (Condition.WITHOUT, Condition.WITH)


def test_an_independent_design_is_counterbalanced_with_new_orders() -> None:
    starts: Counter[Condition] = Counter()
    for reader in READERS:
        steps = steps_of(Design.INDEPENDENT, 7, READERS, reader, 20)
        sessions = [[step for step in steps if step.session == number] for number in (1, 2)]
        assert steps == (*sessions[0], *sessions[1])
        assert [len({step.condition for step in one}) for one in sessions] == [1, 1]
        assert sessions[0][0].condition != sessions[1][0].condition
        assert [sorted(step.case for step in one) for one in sessions] == [list(range(20))] * 2
        assert [step.case for step in sessions[0]] != [step.case for step in sessions[1]]
        starts[sessions[0][0].condition] += 1
    assert starts == {Condition.WITH: 4, Condition.WITHOUT: 4}


def test_readers_who_join_change_no_order() -> None:
    for design in Design:
        assert steps_of(design, 7, READERS, "R1", 9) == steps_of(design, 7, READERS[:2], "R1", 9)


def test_a_draw_has_one_lesion_of_each_patient() -> None:
    patients = [f"p{number // 3}" for number in range(30)]
    found = drawn(patients, 6, 7)
    assert len({patients[number] for number in found}) == len(found) == 6
    assert found == drawn(patients, 6, 7) != drawn(patients, 6, 8)
    assert len(drawn(patients, 99, 7)) == 10


def test_patients_with_many_lesions_are_not_drawn_more_often() -> None:
    patients = ["a"] * 8 + ["b", "c", "d"]
    counts = Counter(number for seed in range(4000) for number in drawn(patients, 2, seed))
    assert all(counts[number] == pytest.approx(250, abs=65) for number in range(8))
    assert all(counts[number] == pytest.approx(2000, abs=130) for number in (8, 9, 10))
