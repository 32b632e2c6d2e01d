"""Images that are there more than once: sent again, recompressed, or two different ones under one identifier."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ALIKE = 0.999
"""Correlation of two thumbnails of one image, one of them compressed with loss."""

Same = Callable[[str, str], bool]
"""Whether the stored pixels of two images, by id, are equal."""


@dataclass(frozen=True)
class Candidate:
    """What tells an accepted image from another.

    Attributes:
        image_id: its pseudonym.
        breast: patient, laterality and view.
        exam: the exam.
        uid: pseudonym of its SOP Instance UID, empty without one.
        key: equal for images of equal pixels.
        thumbnail: its pixels, small.
        lossy: whether it was compressed with loss.
    """

    image_id: str
    breast: tuple[str, str, str]
    exam: str
    uid: str
    key: str
    thumbnail: bytes
    lossy: bool


@dataclass(frozen=True)
class Repeats:
    """What a cohort holds more than once.

    Attributes:
        kept: by the id of a duplicate, the id of the image that is kept.
        conflicts: ids of images that share an identifier but not their pixels.
    """

    kept: dict[str, str]
    conflicts: frozenset[str]


def find_repeats(candidates: Sequence[Candidate], same: Same) -> Repeats:
    """Find duplicates and conflicts; what is kept is lossless if possible, else the first in order.

    Equal pixels count within one patient, laterality and view; a likeness of a lossy copy only within one exam, because
    two exams of a breast may look alike.
    """
    conflicts = {
        one.image_id
        for group in _groups(candidates, lambda one: one.uid)
        if group[0].uid and any(not _equal(group[0], other, same) for other in group[1:])
        for one in group
    }
    kept: dict[str, str] = {}
    alone = sorted((one for one in candidates if one.image_id not in conflicts), key=lambda one: one.lossy)
    for group in _groups(alone, lambda one: (one.breast, one.key)):
        kept |= {one.image_id: group[0].image_id for one in group[1:] if _equal(group[0], one, same)}
    rest = [one for one in alone if one.image_id not in kept]
    for group in _groups(rest, lambda one: (one.breast, one.exam)):
        originals = [one for one in group if not one.lossy]
        for copy in group:
            twin = next((one for one in originals if copy.lossy and _alike(one, copy)), None)
            if twin:
                kept[copy.image_id] = twin.image_id
    return Repeats(kept, frozenset(conflicts))


def _groups(candidates: Iterable[Candidate], key: Callable[[Candidate], object]) -> list[list[Candidate]]:
    """Candidates that share a key, in order, where there are at least two."""
    groups: dict[object, list[Candidate]] = defaultdict(list)
    for one in candidates:
        groups[key(one)].append(one)
    return [group for group in groups.values() if len(group) > 1]


def _equal(one: Candidate, other: Candidate, same: Same) -> bool:
    return one.key == other.key and same(one.image_id, other.image_id)


def _alike(one: Candidate, other: Candidate) -> bool:
    pixels = np.frombuffer(one.thumbnail + other.thumbnail, dtype=np.uint8).reshape(2, -1).astype(np.float64)
    if (np.ptp(pixels, axis=1) == 0).any():
        return False
    one_px, other_px = pixels - pixels.mean(axis=1, keepdims=True)
    return bool(one_px @ other_px > ALIKE * np.sqrt((one_px @ one_px) * (other_px @ other_px)))
