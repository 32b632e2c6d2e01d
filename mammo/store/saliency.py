"""Saved saliency maps: one file with S of every image of a store, 5.5 KB an image (float16)."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.records import MammoError


@dataclass(frozen=True)
class SaliencyMaps:
    """A file of saliency maps, found by image id.

    Attributes:
        path: the .npz file.
    """

    path: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))

    def write(self, image_ids: Sequence[str], maps: NDArray[np.float32]) -> None:
        """Store maps [N, 2, rows, cols] (malignant, benign; values in [0, 1]), whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, ids=np.array(list(image_ids), dtype=np.str_), maps=maps.astype(np.float16))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)

    @cached_property
    def _content(self) -> tuple[dict[str, int], NDArray[np.float16]]:
        if not self.path.is_file():
            raise MammoError(f"no saliency maps at {self.path}: run python -m mammo.precompute what=saliency")
        with np.load(self.path, allow_pickle=False) as stored:
            return {str(name): row for row, name in enumerate(stored["ids"])}, stored["maps"]

    @property
    def image_ids(self) -> list[str]:
        """The images that have maps, in the file's order."""
        return list(self._content[0])

    def holds(self, image_ids: Sequence[str]) -> bool:
        """Whether the file exists and has a map of every one of these images."""
        return self.path.is_file() and all(image_id in self._content[0] for image_id in image_ids)

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps [N, 2, rows, cols] of these images, malignant then benign, in [0, 1].

        Raises:
            MammoError: there is no file, or an image has no map in it.
        """
        rows, maps = self._content
        missing = [image_id for image_id in image_ids if image_id not in rows]
        if missing:
            raise MammoError(f"{self.path} has no map of image {missing[0]}: run python -m mammo.precompute again")
        return maps[[rows[image_id] for image_id in image_ids]].astype(np.float32)
