"""Saliency sources other than a context network: another model's maps, and controls that show whether context helps.

A source is a function from image ids to S [N, 2, rows, cols], malignant then benign, in [0, 1]. The usual one is
mammo.store.saliency_cache.SaliencyMaps; f_agg works with any of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset import ImageMapSource
from mammo.limits import check_size
from mammo.records import MammoError

MOST_BYTES = 1 << 25
"""Largest file of the maps of one image: a full grid of 46 x 30 cells needs 22 KB."""


@dataclass(frozen=True)
class ZeroMaps:
    """Control without context: all maps are zero.

    Attributes:
        grid: (rows, cols).
    """

    grid: tuple[int, int]

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Zeros, float32 [N, 2, rows, cols]."""
        return np.zeros((len(image_ids), 2, *self.grid), np.float32)


@dataclass(frozen=True)
class ShuffledMaps:
    """Control with wrong context: each image gets the maps of an image of another patient, always the same one.

    Attributes:
        maps: source of the true maps.
        patients: patient of every image of the store, by image id, in the store's order.
        groups: group (split and view) of each, within which maps are exchanged.
        seed: of the exchange.
    """

    maps: ImageMapSource
    patients: Mapping[str, str]
    groups: Mapping[str, str]
    seed: int = 0

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of the other images, float32 [N, 2, rows, cols], malignant then benign, in [0, 1]."""
        return self.maps([self.other[image_id] for image_id in image_ids])

    @cached_property
    def other(self) -> dict[str, str]:
        """The image whose maps each image gets.

        It is used for no other image, unless a patient has more than half of a group; itself in a group of one patient.
        """
        other = exchanged(list(self.patients), self.patients, self.groups, self.seed)
        for image_id in (image_id for image_id, giver in other.items() if not giver):
            group, patient = self.groups[image_id], self.patients[image_id]
            of_others = (one for one in other if self.groups[one] == group and self.patients[one] != patient)
            other[image_id] = next(of_others, image_id)
        return other


def exchanged(
    image_ids: Sequence[str], patients: Mapping[str, str], groups: Mapping[str, str], seed: int
) -> dict[str, str]:
    """An exchange of images between patients: each image gets one of another patient, which no other image gets.

    Args:
        image_ids: the images.
        patients: patient of each.
        groups: group (split and view) of each; the patients of a group exchange their images.
        seed: of the exchange.

    Returns:
        The image that each gets; empty for some images of a patient who has more than half of a group.
    """
    found = dict.fromkeys(image_ids, "")
    for number, group in enumerate(sorted(set(groups.values()))):
        members = [image_id for image_id in image_ids if groups[image_id] == group]
        order = list(dict.fromkeys(patients[image_id] for image_id in members))
        place = dict(zip(order, np.random.default_rng((seed, number)).permutation(len(order)).tolist(), strict=True))
        members.sort(key=lambda image_id: place[patients[image_id]])
        shift = max(Counter(patients[image_id] for image_id in members).values(), default=0)  # past every patient's own
        for image_id, giver in zip(members, members[shift:] + members[:shift], strict=True):
            found[image_id] = giver if patients[giver] != patients[image_id] else ""
    return found


@dataclass(frozen=True)
class ExternalMaps:
    """Maps of another model, read from one file per image.

    The file is <image_id>.npy, [2, rows, cols], malignant then benign, in [0, 1]; images.parquet of the store lists the
    image_id of each path.

    Attributes:
        folder: folder of the files.
        grid: (rows, cols).
    """

    folder: Path
    grid: tuple[int, int]

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps of these images, float32 [N, 2, rows, cols], malignant then benign, in [0, 1].

        Raises:
            MammoError: a file is missing, is not an array, or has the wrong size or values.
        """
        return np.stack([self._read(image_id) for image_id in image_ids])

    def _read(self, image_id: str) -> NDArray[np.float32]:
        path, expected = self.folder / f"{image_id}.npy", (2, *self.grid)
        try:
            check_size(path, MOST_BYTES)
            maps = np.load(path, allow_pickle=False)
        except FileNotFoundError as error:
            raise MammoError(f"{path} does not exist: context=external needs one such file per image") from error
        except (OSError, ValueError, EOFError, MemoryError) as error:
            raise MammoError(f"{path} is not a NumPy array ({error}): write it with numpy.save") from error
        if maps.shape != expected or maps.dtype.kind not in "fiu":
            raise MammoError(
                f"{path} must hold numbers {list(expected)}, malignant then benign, one value per grid cell, "
                f"got {maps.dtype} {list(maps.shape)}"
            )
        if not ((maps >= 0) & (maps <= 1)).all():
            raise MammoError(f"{path} has values outside [0, 1] or NaN: scale them to [0, 1]")
        return np.asarray(maps, dtype=np.float32)
