"""Random choice of the training images whose other view, or other breast, f_agg does not get to see in an epoch.

A network that always had both maps would depend on them where one is missing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.records import MammoError

STREAMS = {"ipsi": 7, "contra": 8}
"""Batch columns whose maps are left out at random, with the second words of their seeds, after those of data.plans."""


@dataclass(frozen=True)
class ViewDropping:
    """Which images lack the maps ipsi or contra: in each epoch others, each of the two maps by itself.

    Attributes:
        share: of the images, in [0, 1), that lack a map.
        seed: of the choice.

    Raises:
        MammoError: the share is out of range.
    """

    share: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.share < 1:
            raise MammoError(f"drop_views must be at least 0 and below 1, got {self.share}")

    def dropped(self, column: str, epoch: int, n_images: int) -> NDArray[np.bool_]:
        """Whether each of n_images lacks the maps of a column, [n_images]: a pure function of seed, epoch and image."""
        draws = np.random.default_rng((self.seed, STREAMS[column], epoch)).random(n_images)
        return draws < self.share
