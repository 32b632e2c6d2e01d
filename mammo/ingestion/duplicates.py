"""Duplicate images: sent twice or recompressed; and conflicts, different images with the same identifier.

The candidates that are compared come from an ingest, and from the images that the store holds.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.ingestion.worker import ImageFacts, IngestItem, Recipe
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest

SIMILAR = 0.999
"""Correlation of two thumbnails above which they show one image, one of them compressed with loss."""

SamePixels = Callable[[str, str], bool]
"""Whether the stored pixels of two images, by id, are equal."""


@dataclass(frozen=True)
class Candidate:
    """An accepted image, with all that the search for duplicates compares.

    Attributes:
        image_id: its pseudonym.
        breast: patient, laterality and view.
        exam: the exam.
        uid: pseudonym of its SOP Instance UID, empty without one.
        key: digest of its pixels; equal for images of equal pixels.
        thumbnail: its pixels, small (fingerprints.Fingerprint).
        lossy: whether it was compressed with loss.
        file_digest: SHA-256 of its file.
    """

    image_id: str
    breast: tuple[str, str, str]
    exam: str
    uid: str
    key: str
    thumbnail: bytes
    lossy: bool
    file_digest: str = ""


def new_candidates(items: Sequence[IngestItem], facts: Mapping[str, ImageFacts]) -> list[Candidate]:
    """The accepted images of an ingest, in order."""
    return [
        Candidate(
            item.image_id,
            (item.image.patient_key, str(item.image.laterality), str(item.image.view)),
            item.image.exam_key,
            found.uid,
            found.key,
            found.thumbnail,
            "lossy" in flags_of(found),
            found.row["sha256"],
        )
        for item in items
        if (found := facts.get(item.image_id))
    ]


def stored_candidates(store: Path, images: pd.DataFrame) -> Iterator[Candidate]:
    """Yield those of a store's images, given by their rows; an image without a note is skipped."""
    pixels = ImageStore(store)
    for image_id, patient in zip(images.index, images["patient_id"], strict=True):
        _, _, text = pixels.note(image_id).partition(" ")
        if text:
            found = ImageFacts.of_note(text)
            breast, digest = (patient, "", ""), found.row["sha256"]
            yield Candidate(image_id, breast, "", found.uid, found.key, found.thumbnail, False, digest)


def flags_of(facts: ImageFacts) -> list[str]:
    """The flags of an image."""
    return [flag for flag in str(facts.row.get("flags", "")).split("+") if flag]


@dataclass(frozen=True)
class Duplicates:
    """The duplicates and conflicts of a cohort.

    Attributes:
        kept: by the id of a duplicate, the id of the image that is kept.
        conflicts: ids of images that share an identifier but not their pixels.
    """

    kept: dict[str, str]
    conflicts: frozenset[str]


def find_duplicates(candidates: Sequence[Candidate], same_pixels: SamePixels) -> Duplicates:
    """Find duplicates and conflicts; of several copies a lossless one is kept if possible, else the first.

    Equal pixels are compared within one patient, laterality and view. A lossy copy is compared only within one exam,
    because two exams of a breast may look alike.
    """
    conflicts = {
        one.image_id
        for group in _groups(candidates, lambda one: one.uid)
        if group[0].uid and any(not _equal(group[0], other, same_pixels) for other in group[1:])
        for one in group
    }
    kept: dict[str, str] = {}
    unique = sorted((one for one in candidates if one.image_id not in conflicts), key=lambda one: one.lossy)
    for group in _groups(unique, lambda one: (one.breast, one.key)):
        kept |= {one.image_id: group[0].image_id for one in group[1:] if _equal(group[0], one, same_pixels)}
    remaining = [one for one in unique if one.image_id not in kept]
    for group in _groups(remaining, lambda one: (one.breast, one.exam)):
        lossless = [one for one in group if not one.lossy]
        for copy in group:
            original = next((one for one in lossless if copy.lossy and _similar(one, copy)), None)
            if original:
                kept[copy.image_id] = original.image_id
    return Duplicates(kept, frozenset(conflicts))


def repeated_elsewhere(candidates: Iterable[Candidate], accepted: Container[str]) -> int:
    """Return how many accepted images have the pixels of one of another patient, laterality or view.

    Args:
        candidates: the images of a source.
        accepted: ids of those that are stored.
    """
    breasts: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for one in candidates:
        if one.image_id in accepted and len(set(one.thumbnail)) > 1:
            breasts[one.key].append(one.breast)
    return sum(len(found) for found in breasts.values() if len(set(found)) > 1)


@dataclass(frozen=True)
class OtherSources:
    """What the images of a cohort share with those of a store's other sources.

    Attributes:
        kept: by the id of an image, the id of the same image of another source, which is kept.
        taken_over: ids of the images of other sources without a finding whose copy here has one, and is kept instead.
        conflicts: ids of images that share an identifier with an image of another source, but not their pixels.
        patients: by the key of a patient, her id in the source that holds the same image.
    """

    kept: dict[str, str]
    taken_over: frozenset[str]
    conflicts: frozenset[str]
    patients: dict[str, str]


def find_in_other_sources(
    candidates: Iterable[Candidate],
    stored: Iterable[Candidate],
    same_pixels: SamePixels,
    found: Container[str] = (),
    known: Mapping[str, str] | None = None,
) -> OtherSources:
    """Find the images that another source has too: of the same file, or of equal pixels that are not uniform.

    A patient is identified with one of the other sources' patients, the first that shares an image. An image that she
    shares with yet another patient is not left out, so that the split still sees the connection. Of two copies the
    stored one is kept, unless only the other has a finding.

    Args:
        candidates: of the ingested source.
        stored: of the other sources; the patient in `breast` is the pseudonym.
        same_pixels: compares two of them.
        found: ids of the images with a finding, in either.
        known: patients who were identified in an earlier ingest, by key.
    """
    by_file: dict[str, Candidate] = {}
    by_key: dict[str, list[Candidate]] = defaultdict(list)
    uids: set[str] = set()
    for one in stored:
        by_file.setdefault(one.file_digest, one)
        by_key[one.key].append(one)
        uids.add(one.uid)
    kept: dict[str, str] = {}
    taken_over: set[str] = set()
    conflicts: set[str] = set()
    patients = dict(known or {})
    for one in candidates:
        alike = by_key[one.key] if len(set(one.thumbnail)) > 1 else []
        match = by_file.get(one.file_digest) or next((each for each in alike if _equal(one, each, same_pixels)), None)
        if match is None:
            conflicts.update([one.image_id] if one.uid and one.uid in uids else [])
        elif patients.setdefault(one.breast[0], match.breast[0]) == match.breast[0]:
            if one.image_id in found and match.image_id not in found:
                taken_over.add(match.image_id)
            else:
                kept[one.image_id] = match.image_id
    return OtherSources(kept, frozenset(taken_over), frozenset(conflicts), patients)


def compared_with_all(
    recipe: Recipe, candidates: Sequence[Candidate], found: set[str], current: Manifest | None
) -> tuple[Duplicates, OtherSources]:
    """The images of a source that other sources of its store have too, and the duplicates among all others.

    Args:
        recipe: of the source.
        candidates: its images.
        found: ids of those with a finding.
        current: the store's tables; None without other sources.
    """
    images = ImageStore(recipe.store)

    def same_pixels(one: str, other: str) -> bool:
        return images.equal(one, other)

    stored: Iterable[Candidate] = ()
    known: dict[str, str] = {}
    if current is not None:
        others = current.images[current.images["source"] != recipe.data_set.name]
        stored = stored_candidates(recipe.store, others)
        found = found.union(others.index[others[["malignant", "benign", "unplaced"]].any(axis=1)])
        found |= set(current.lesions["image_id"])
        earlier, theirs = current.images["patient_id"], set(others["patient_id"])
        known = {one.breast[0]: str(earlier[one.image_id]) for one in candidates if earlier.get(one.image_id) in theirs}
    elsewhere = find_in_other_sources(candidates, stored, same_pixels, found, known)
    settled = {*elsewhere.kept, *elsewhere.conflicts}
    left = [one for one in candidates if one.image_id not in settled]
    return find_duplicates(left, same_pixels), elsewhere


def _groups(candidates: Iterable[Candidate], key: Callable[[Candidate], object]) -> list[list[Candidate]]:
    """Candidates that share a key, in order; groups of one are left out."""
    groups: dict[object, list[Candidate]] = defaultdict(list)
    for one in candidates:
        groups[key(one)].append(one)
    return [group for group in groups.values() if len(group) > 1]


def _equal(one: Candidate, other: Candidate, same_pixels: SamePixels) -> bool:
    return one.key == other.key and same_pixels(one.image_id, other.image_id)


def _similar(one: Candidate, other: Candidate) -> bool:
    pixels = np.frombuffer(one.thumbnail + other.thumbnail, dtype=np.uint8).reshape(2, -1).astype(np.float64)
    if (np.ptp(pixels, axis=1) == 0).any():
        return False
    one_px, other_px = pixels - pixels.mean(axis=1, keepdims=True)
    return bool(one_px @ other_px > SIMILAR * np.sqrt((one_px @ one_px) * (other_px @ other_px)))
