"""The mean gray level inside an outline, from the stored pixels of its image."""

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, FrameChain
from mammo.store.image_store import ImageStore


def mean_gray(pixels: ImageStore, image_id: str, chain: FrameChain, mask: NDArray[np.bool_], box: Box) -> float:
    """The mean gray level of the store's pixels inside an outline, 0 to 4095.

    Args:
        pixels: of the store.
        image_id: id of the outline's image.
        chain: of the image.
        mask: [box.height, box.width], True inside the outline.
        box: half-open, stored frame.

    Raises:
        MammoError: the image is not in the store, or its pixels are damaged.
    """
    inside, place = chain.mask_to_network(mask, box)
    return float(pixels.read(image_id, place.shifted(*chain.origin))[inside].mean())
