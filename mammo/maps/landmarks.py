"""The landmarks of images, by which they are compared with one another."""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import FrameChain
from mammo.maps.nipple import find_nipple
from mammo.maps.view_geometry import Landmarks
from mammo.records import View
from mammo.store.manifest import Manifest


def landmarks(manifest: Manifest) -> Callable[[str], Landmarks]:
    """A function from image_id to the landmarks of an image of a store, which are found when it is first asked for."""
    views, spacings = manifest.images["view"], manifest.images["spacing_mm"]

    @cache
    def of_image(image_id: str) -> Landmarks:
        view, spacing = View(views[image_id]), float(spacings[image_id])
        return landmarks_of(manifest.chain(image_id), manifest.tissue(image_id), view, spacing)

    return of_image


def landmarks_of(chain: FrameChain, tissue: NDArray[np.floating], view: View, spacing_mm: float) -> Landmarks:
    """The landmarks of one image.

    Args:
        chain: its frames.
        tissue: share of each grid cell covered by breast tissue, [rows, cols] in [0, 1].
        view: CC or MLO.
        spacing_mm: mm between stored pixels, 0 if unknown.
    """
    row0, col0 = -chain.origin[0], -chain.origin[1]
    return Landmarks(
        nipple=find_nipple(tissue, view, chain.frame),
        top_left=(row0, col0),
        bottom_right=(row0 + chain.breast.height * chain.scale, col0 + chain.breast.width * chain.scale),
        px_mm=spacing_mm / chain.scale or None,
    )
