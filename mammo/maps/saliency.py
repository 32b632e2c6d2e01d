"""Saliency sources that are not a context network: controls that show whether context is really used.

A saliency source is one function from image ids to S [N, 2, rows, cols] (malignant, benign; in [0, 1]); the usual one
is mammo.store.saliency.SaliencyMaps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.store.saliency import SaliencyMaps


@dataclass(frozen=True)
class Zeros:
    """No context: every map is zero.

    Attributes:
        rows: grid rows.
        cols: grid columns.
    """

    rows: int
    cols: int

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of zeros."""
        return np.zeros((len(image_ids), 2, self.rows, self.cols), np.float32)


@dataclass(frozen=True)
class Shuffled:
    """Wrong context: every image gets another image's maps, always the same one.

    Attributes:
        maps: where the maps come from.
        seed: of the permutation.
    """

    maps: SaliencyMaps
    seed: int = 0

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of other images."""
        known = self.maps.image_ids
        other = dict(zip(known, np.random.default_rng(self.seed).permutation(known), strict=True))
        return self.maps([str(other[image_id]) for image_id in image_ids])
