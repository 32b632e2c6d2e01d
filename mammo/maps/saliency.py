"""Saliency sources: functions from image ids to S [N, 2, rows, cols] (malignant, benign; in [0, 1]).

The usual source is mammo.store.saliency_cache.SaliencyMaps. These are the others: another model's maps, and controls
that show whether context is used. f_agg does not know which source it reads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset import SaliencySource
from mammo.records import MammoError


@dataclass(frozen=True)
class ZeroMaps:
    """No context: every map is zero.

    Attributes:
        grid: (rows, cols).
    """

    grid: tuple[int, int]

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of zeros."""
        return np.zeros((len(image_ids), 2, *self.grid), np.float32)


@dataclass(frozen=True)
class ShuffledMaps:
    """Wrong context: every image gets the maps of another image of the same kind, always the same one.

    Attributes:
        maps: where the maps come from.
        kinds: what must be alike (split and view) for every image of the store, in its order.
        seed: of the permutation.
    """

    maps: SaliencySource
    kinds: Mapping[str, str]
    seed: int = 0

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of other images."""
        return self.maps([self.other[image_id] for image_id in image_ids])

    @cached_property
    def other(self) -> dict[str, str]:
        """Whose maps each image gets: the next one on a random ring of its kind; its own where it is the only one."""
        other: dict[str, str] = {}
        for number, kind in enumerate(sorted(set(self.kinds.values()))):
            alike = [image_id for image_id, its in self.kinds.items() if its == kind]
            ring = [alike[place] for place in np.random.default_rng((self.seed, number)).permutation(len(alike))]
            other |= dict(zip(ring, [*ring[1:], ring[0]], strict=True))
        return other


@dataclass(frozen=True)
class ExternalMaps:
    """Another model's context: one file an image, <image_id>.npy, [2, rows, cols], malignant then benign, in [0, 1].

    The store's images.parquet tells which image_id each path has.

    Attributes:
        folder: holds the files.
        grid: (rows, cols).
    """

    folder: Path
    grid: tuple[int, int]

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of these images.

        Raises:
            MammoError: a file is missing or no array, or its size or values are wrong.
        """
        return np.stack([self._read(image_id) for image_id in image_ids])

    def _read(self, image_id: str) -> NDArray[np.float32]:
        path, expected = self.folder / f"{image_id}.npy", (2, *self.grid)
        try:
            maps = np.load(path, allow_pickle=False)
        except FileNotFoundError as error:
            raise MammoError(f"{path} does not exist: context=external needs one such file for every image") from error
        except (OSError, ValueError, EOFError) as error:
            raise MammoError(f"{path} is no array ({error}): write it with numpy.save") from error
        if maps.shape != expected or maps.dtype.kind not in "fiu":
            told = f"{maps.dtype} {list(maps.shape)}"
            raise MammoError(f"{path} is {told}, not numbers {list(expected)}: malignant and benign, one value a cell")
        if not ((maps >= 0) & (maps <= 1)).all():
            raise MammoError(f"{path} has values outside [0, 1], or that are no number: scale them")
        return np.asarray(maps, dtype=np.float32)
