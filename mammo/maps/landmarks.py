"""The landmarks of images, by which they are compared with one another."""

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import FrameChain
from mammo.maps.nipple import find_nipple
from mammo.maps.other_views import Landmarks
from mammo.records import View
from mammo.store.manifest import Manifest


def landmarks(manifest: Manifest) -> dict[str, Landmarks]:
    """The landmarks of every image of a store, by image_id."""
    facts = zip(manifest.images.index, manifest.images["view"], manifest.images["spacing_mm"], strict=True)
    return {key: landmarks_of(manifest.chain(key), manifest.tissue(key), View(view), mm) for key, view, mm in facts}


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
