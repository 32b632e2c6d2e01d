"""Unique lesions: rows that tables hold twice are one lesion, and one key never names two lesions."""

from collections.abc import Iterable

import numpy as np

from mammo.records import LesionRecord, MammoError


def unique_lesions(lesions: Iterable[LesionRecord]) -> tuple[LesionRecord, ...]:
    """Return lesions without repetitions: those of one key that are equal in image, outline and label are one.

    Raises:
        MammoError: two lesions that differ have one key.
    """
    by_key: dict[str, LesionRecord] = {}
    for lesion in lesions:
        first = by_key.setdefault(lesion.lesion_key, lesion)
        if not _equal(first, lesion):
            raise MammoError(
                f"lesion_id {lesion.lesion_key!r} occurs twice, {_shown(first)}, and {_shown(lesion)}: give each "
                "lesion an id of its own, or correct the row that is wrong"
            )
    return tuple(by_key.values())


def _equal(one: LesionRecord, other: LesionRecord) -> bool:
    return one is other or (_facts(one) == _facts(other) and np.array_equal(one.mask, other.mask))


def _facts(lesion: LesionRecord) -> tuple[object, ...]:
    return lesion.path, lesion.label, lesion.label_source, lesion.box, lesion.high_risk, lesion.birads


def _shown(lesion: LesionRecord) -> str:
    box = lesion.box
    place = f"rows {box.row0} to {box.row1 - 1}, columns {box.col0} to {box.col1 - 1}"
    return f"{lesion.label.value} on {lesion.path} ({place}; {lesion.label_source.value})"
