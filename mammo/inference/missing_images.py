"""The warnings about other images of exams that scores were made without."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mammo.data.datamodule import MammoDataModule
from mammo.maps.view_sources import KINDS, Kind, OtherViewMaps
from mammo.text import counted

WORDS: Mapping[Kind, str] = {"ipsi": "the other view of the breast", "contra": "the other breast"}
"""The other images, in words."""


def missing_images(data: MammoDataModule, image_id: str) -> list[str]:
    """Sentences on the other images without which the lesions of an image were scored, one for each reason.

    Args:
        data: that served the lesions, after Scorer.score.
        image_id: the image.

    Returns:
        None if nothing is missing.
    """
    by_reason: dict[str, list[str]] = {}
    for kind, source in _sources(data).items():
        if reason := _why_missing(source, image_id):
            by_reason.setdefault(reason, []).append(WORDS[kind])
    return [_scored_without(missing, reason) for reason, missing in by_reason.items()]


def _scored_without(missing: Sequence[str], reason: str) -> str:
    them, images = ("them", "their images") if len(missing) > 1 else ("it", "its image")
    without = f"Scored without {' and without '.join(missing)}, which the networks read where an exam has {them}"
    return f"{without}: {reason.format(them=them, images=images)}."


def lesions_without(data: MammoDataModule, images: Iterable[str]) -> dict[Kind, int]:
    """The number of lesions that were scored without each of the other images that the networks read.

    Args:
        data: that served the lesions, after Scorer.score.
        images: the image of each lesion, by its id.
    """
    n_lesions = Counter(images)
    return {
        kind: sum(n for image_id, n in n_lesions.items() if _why_missing(source, image_id))
        for kind, source in _sources(data).items()
    }


def missing_of_store(parts: Iterable[Mapping[Kind, int]], n_lesions: int) -> list[str]:
    """A sentence on the other images without which lesions of a store were scored; none if nothing is missing.

    Args:
        parts: of the store, as lesions_without.
        n_lesions: of all parts.
    """
    found = Counter[Kind]()
    for part in parts:
        found.update(part)
    missing = [f"{found[kind]} without {WORDS[kind]}" for kind in KINDS if found[kind]]
    if not missing:
        return []
    them = "them" if len(missing) > 1 else "it"
    return [
        f"Of {counted(n_lesions, 'lesion')} the networks scored {' and '.join(missing)}, which they read where an exam "
        f"has {them}: the store has no such image, or a nipple was not found."
    ]


def _sources(data: MammoDataModule) -> dict[Kind, OtherViewMaps]:
    found = {kind: data.image_maps.get(kind) for kind in KINDS}
    return {kind: source for kind, source in found.items() if isinstance(source, OtherViewMaps)}


def _why_missing(source: OtherViewMaps, image_id: str) -> str:
    """Why an image has no maps of another image (presence 0), with a place for {them} and {images}; empty if it has."""
    pair = source.pair(image_id)
    if pair is None:
        return "no usable image of {them} was given"
    if pair.own.nipple is None:
        return "no nipple was found on the lesion's own image"
    return "" if pair.others.nipple else "no nipple was found on {images}"
