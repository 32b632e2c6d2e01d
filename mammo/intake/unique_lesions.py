"""Unique lesions: rows that tables hold twice are one lesion, and one key never names two lesions."""

from collections.abc import Iterable, Mapping

import numpy as np

from mammo.geometry import Box
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


def unique_on_copies(lesions: Iterable[LesionRecord], image_of: Mapping[str, str]) -> tuple[LesionRecord, ...]:
    """Return lesions without those that outline the same on another copy of their image.

    Args:
        lesions: of one source, without repeated keys.
        image_of: id of the image that is kept, by path, of every accepted image and its copies.

    Raises:
        MammoError: two copies give one outline different labels.
    """
    first: dict[tuple[str, Box, bytes], LesionRecord] = {}
    kept = []
    for lesion in lesions:
        place = (image_of.get(lesion.path, lesion.path), lesion.box, lesion.mask.tobytes())
        same = first.setdefault(place, lesion)
        if same.path == lesion.path:
            kept.append(lesion)
        elif same.label != lesion.label:
            raise MammoError(
                f"two copies of one image give the same outline different labels: {_shown(same)}, and "
                f"{_shown(lesion)}: correct the wrong one, or remove its file"
            )
    return tuple(kept)


def _equal(one: LesionRecord, other: LesionRecord) -> bool:
    return one is other or (_facts(one) == _facts(other) and np.array_equal(one.mask, other.mask))


def _facts(lesion: LesionRecord) -> tuple[object, ...]:
    return lesion.path, lesion.label, lesion.label_source, lesion.box, lesion.high_risk, lesion.birads


def _shown(lesion: LesionRecord) -> str:
    box = lesion.box
    place = f"rows {box.row0} to {box.row1 - 1}, columns {box.col0} to {box.col1 - 1}"
    return f"{lesion.label.value} on {lesion.path} ({place}; {lesion.label_source.value})"
