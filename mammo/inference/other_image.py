"""Another image of a case's exam, as far as it gives a lesion maps: what a picture shows of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.inference.case_image import CaseImage
from mammo.inference.case_store import IMAGE_ID, CaseStore
from mammo.inference.outlines import Drawn
from mammo.inference.scorer import SaliencyById
from mammo.maps.view_places import OtherPlace, center_of, other_places
from mammo.maps.view_sources import Kind, view_sources
from mammo.store.manifest import Manifest


@dataclass(frozen=True, eq=False)
class OtherImage:
    """Another image of the exam.

    Attributes:
        place: where the maps of the lesion are read in it.
        image: its pixels and frames; None where the exam has none.
        saliency: float32 [2, rows, cols] in [0, 1], its S, the mean over the members; None without the image.
    """

    place: OtherPlace
    image: CaseImage | None
    saliency: NDArray[np.float32] | None

    @property
    def is_used(self) -> bool:
        """Whether it gives the lesions maps: there is such an image, and both nipples were found."""
        return not self.place.missing


def other_images_of(
    store: CaseStore, manifest: Manifest, kinds: Sequence[Kind], saliency: Sequence[SaliencyById], outline: Drawn
) -> Iterator[OtherImage]:
    """Yield what the other images give a lesion at the center of its outline.

    Args:
        store: of the case.
        manifest: its tables.
        kinds: the other images that the networks read.
        saliency: S [2, rows, cols] of the images by each member.
        outline: of the lesion.
    """

    def mean(image_ids: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([np.mean([each[key] for each in saliency], axis=0, dtype=np.float32) for key in image_ids])

    sources = view_sources(manifest, kinds, mean, mean)
    place = center_of(*store.chain.mask_to_network(outline.mask, outline.box))
    for found in other_places(sources.values(), IMAGE_ID, store.image.view, place):
        key = found.pair.other if found.pair else ""
        yield OtherImage(found, store.images.get(key), mean([key])[0] if key else None)
