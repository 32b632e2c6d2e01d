"""Sources of the maps ipsi and contra of images, made from S of their other images, and the control with wrong ones."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset import ImageMapSource
from mammo.geometry import Frame
from mammo.maps.landmarks import landmarks
from mammo.maps.map_names import CHANNELS
from mammo.maps.other_views import Maps, contra_maps, laid_over, with_presence
from mammo.maps.saliency import exchanged
from mammo.maps.view_geometry import Landmarks
from mammo.store.manifest import Manifest
from mammo.store.other_images import other_images

Kind = Literal["ipsi", "contra"]
KINDS: tuple[Kind, ...] = ("ipsi", "contra")
"""Batch columns of maps that are made from another image: the other view of the breast, and the other breast."""

MOST_KEPT = 10_000
"""Images whose maps stay in memory: 28 KB each with 46 x 30 cells."""


@dataclass(frozen=True)
class Pair:
    """An image and the other image of its exam that gives it maps.

    Attributes:
        other: id of the other image.
        own: landmarks of the image.
        others: landmarks of the other image.
    """

    other: str
    own: Landmarks
    others: Landmarks


@dataclass(frozen=True)
class OtherViewMaps:
    """The maps that another image gives each image: the other view of its breast (ipsi), or the other breast (contra).

    Attributes:
        kind: of the maps.
        others: the other image of each image, by image id; empty or absent where it is missing, and its maps are 0.
        landmarks: gives those of an image, by its id.
        own: source of S of the images themselves.
        saliency: source of S [N, 2, rows, cols] of the other images.
        frame: the network window and its grid.
    """

    kind: Kind
    others: Mapping[str, str]
    landmarks: Callable[[str], Landmarks]
    own: ImageMapSource
    saliency: ImageMapSource
    frame: Frame
    _kept: dict[str, Maps] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of these images, float32 [N, K, rows, cols], with presence (mammo.maps.other_views).

        Raises:
            MammoError: as the sources of S.
        """
        return np.stack([self._maps(image_id) for image_id in image_ids])

    def _maps(self, image_id: str) -> Maps:
        if (kept := self._kept.get(image_id)) is not None:
            return kept
        made = with_presence(self._made(image_id), CHANNELS[self.kind], self.frame)
        if len(self._kept) < MOST_KEPT:
            self._kept[image_id] = made
        return made

    def pair(self, image_id: str) -> Pair | None:
        """An image and its other image; None where that is missing."""
        other = self.others.get(image_id, "")
        return Pair(other, self.landmarks(image_id), self.landmarks(other)) if other else None

    def _made(self, image_id: str) -> Maps | None:
        if (pair := self.pair(image_id)) is None:
            return None
        (saliency,) = self.saliency([pair.other])
        if self.kind == "ipsi":
            return laid_over(saliency, pair.own, pair.others, self.frame)
        return contra_maps(self.own([image_id])[0], saliency, pair.own, pair.others, self.frame)


def view_sources(
    manifest: Manifest, kinds: Collection[Kind], own: ImageMapSource, saliency: ImageMapSource
) -> dict[str, OtherViewMaps]:
    """The maps that the other images of the exams of a store give its images, by kind.

    Args:
        manifest: of the store.
        kinds: of the maps.
        own: source of S of the images themselves.
        saliency: source of S [N, 2, rows, cols] of the other images.
    """
    if not kinds:  # pairing the images of a large store takes seconds
        return {}
    pairs, places = other_images(manifest.images), landmarks(manifest)
    others = {kind: dict(zip(pairs.index, pairs[kind], strict=True)) for kind in kinds}
    return {kind: OtherViewMaps(kind, found, places, own, saliency, manifest.frame) for kind, found in others.items()}


def others_of_other_patients(
    others: Mapping[str, str], patients: Mapping[str, str], groups: Mapping[str, str], seed: int = 0
) -> dict[str, str]:
    """A control with wrong context: each image gets the other image of another patient, always the same one.

    Images without another image keep none, so that presence stays as it was.

    Args:
        others: the other image of each image, by image id, in the store's order; empty where it is missing.
        patients: patient of each of these images.
        groups: group (split and view) of each of these images; the patients of a group exchange their images.
        seed: of the exchange.

    Returns:
        The other image by image id; empty, too, where one patient has more than half of the images of a group.
    """
    given = exchanged([image_id for image_id, other in others.items() if other], patients, groups, seed)
    return dict.fromkeys(others, "") | {image_id: others[giver] for image_id, giver in given.items() if giver}
