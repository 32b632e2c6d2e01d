"""The order in which a reader sees the cases: a pure function of the study's seed, the reader and the number of cases.

It comes from SHA-256, so that it is the same on every machine and with every version of the libraries.
"""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from mammo.serving.studies.settings import Design


class Condition(StrEnum):
    """Whether a case is read with the score."""

    WITHOUT = "without"
    WITH = "with"


class Step(NamedTuple):
    """One answer that is asked for."""

    session: int
    """1, or 2 in an independent design."""
    place: int
    """Number of the case within the session, from 1; equal for both conditions of a sequential design."""
    case: int
    """Number of the case in the study, from 0."""
    condition: Condition


def shuffled(n: int, *key: object) -> tuple[int, ...]:
    """The numbers 0 to n - 1 in an order that follows from the key."""

    def digest(number: int) -> bytes:
        return sha256("\n".join(map(str, (*key, number))).encode()).digest()

    return tuple(sorted(range(n), key=digest))


def drawn(patients: Sequence[str], n: int, seed: int) -> tuple[int, ...]:
    """Numbers of one lesion of each of n patients, drawn at random, ascending; fewer where there are fewer patients.

    Args:
        patients: each lesion's patient.
        n: how many are drawn.
        seed: of the draw.
    """
    of_patient: dict[str, int] = {}
    for number in shuffled(len(patients), "lesions", seed):
        of_patient.setdefault(patients[number], number)
    names = list(dict.fromkeys(patients))
    return tuple(sorted(of_patient[names[number]] for number in shuffled(len(names), "patients", seed)[:n]))


def steps_of(design: Design, seed: int, readers: Sequence[str], reader: str, n_cases: int) -> tuple[Step, ...]:
    """What a reader is asked, in order.

    In an independent design every second reader begins with the score; readers who join at the end of the list change
    nothing for those before them.

    Args:
        design: of the study.
        seed: of the study.
        readers: all codes, in the order of the settings.
        reader: one of them.
        n_cases: number of cases.
    """
    order = shuffled(n_cases, "order", seed, reader, 1)
    if design is Design.SEQUENTIAL:
        return tuple(Step(1, place, case, condition) for place, case in enumerate(order, 1) for condition in Condition)
    begins_with = (readers.index(reader) + seed) % 2 == 1
    first, second = (Condition.WITH, Condition.WITHOUT) if begins_with else (Condition.WITHOUT, Condition.WITH)
    again = shuffled(n_cases, "order", seed, reader, 2)
    sessions = ((1, first, order), (2, second, again))
    return tuple(
        Step(session, place, case, condition)
        for session, condition, cases in sessions
        for place, case in enumerate(cases, 1)
    )
