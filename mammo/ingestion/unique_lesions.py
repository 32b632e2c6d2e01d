"""Unique lesions: rows that tables hold twice are one lesion, and one key never names two lesions."""

from dataclasses import replace

import numpy as np

from mammo.records import Cohort, LesionRecord, MammoError


def unique_lesions(cohort: Cohort) -> Cohort:
    """The cohort without repetitions: equal lesions (image, outline and all other fields) of one key are one.

    Raises:
        MammoError: two lesions that differ have one key.
    """
    by_key: dict[str, LesionRecord] = {}
    for lesion in cohort.lesions:
        first = by_key.setdefault(lesion.lesion_key, lesion)
        if not _equal(first, lesion):
            raise MammoError(
                f"lesion_id {lesion.lesion_key!r} names two lesions, {_shown(first)}, and {_shown(lesion)}: give each "
                "lesion an id of its own, or correct the row that is wrong"
            )
    return replace(cohort, lesions=tuple(by_key.values()))


def _equal(one: LesionRecord, other: LesionRecord) -> bool:
    return one is other or (_facts(one) == _facts(other) and np.array_equal(one.mask, other.mask))


def _facts(lesion: LesionRecord) -> tuple[object, ...]:
    return lesion.path, lesion.label, lesion.label_source, lesion.box, lesion.high_risk, lesion.birads


def _shown(lesion: LesionRecord) -> str:
    box = lesion.box
    place = f"rows {box.row0} to {box.row1 - 1}, columns {box.col0} to {box.col1 - 1}"
    return f"{lesion.label.value} on {lesion.path} ({place}; {lesion.label_source.value})"
