"""The warnings about other images of exams that scores were made without."""

from collections import Counter
from collections.abc import Iterable, Mapping

from mammo.data.datamodule import MammoDataModule
from mammo.data.dataset import ImageMapSource
from mammo.maps.view_sources import KINDS, Kind

WORDS: Mapping[Kind, str] = {"ipsi": "the other view of the breast", "contra": "the other breast"}
"""The other images, in words."""


def missing_images(data: MammoDataModule, image_id: str) -> list[str]:
    """A sentence on the other images without which the lesions of an image were scored; none if nothing is missing.

    Args:
        data: that served the lesions, after Scorer.score.
        image_id: the image.
    """
    missing = [WORDS[kind] for kind, source in _sources(data).items() if _lacks(source, image_id)]
    if not missing:
        return []
    return [
        f"Scored without {' and without '.join(missing)}, which the networks read where an exam has them: no such "
        "image was given, or the nipple was not found."
    ]


def lesions_without(data: MammoDataModule, images: Iterable[str]) -> dict[Kind, int]:
    """The number of lesions that were scored without each of the other images that the networks read.

    Args:
        data: that served the lesions, after Scorer.score.
        images: the image of each lesion, by its id.
    """
    n_lesions = Counter(images)
    return {
        kind: sum(n for image_id, n in n_lesions.items() if _lacks(source, image_id))
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
    return [
        f"Of {n_lesions} lesions the networks scored {' and '.join(missing)}, which they read where an exam has them: "
        "the store has no such image, or the nipple was not found."
    ]


def _sources(data: MammoDataModule) -> dict[Kind, ImageMapSource]:
    return {kind: data.image_maps[kind] for kind in KINDS if kind in data.image_maps}


def _lacks(source: ImageMapSource, image_id: str) -> bool:
    """Whether an image has no maps of another image: presence is 0."""
    return not source([image_id])[0, -1].any()
