"""Saliency cache: S of the images of a store by one context network, 11 KB for each image.

They are kept in float32: in half precision the last bits of S, which depend on the number of threads, would decide how
a value is rounded and change scores by 1e-6 instead of 1e-7.

Every map is stored under its image's id and digest, so that a map of other pixels is never used for the image. Maps are
written in parts, each atomically, so that interrupted work continues where it stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.io import atomic_write, make_folder
from mammo.limits import TABLE_BYTES, check_size, read_text
from mammo.records import MammoError

Key = tuple[str, str]
"""An image's id and digest."""

NO_MAPS: NDArray[np.float32] = np.empty(0, np.float32)
"""The maps of a damaged part."""


@dataclass(frozen=True)
class SaliencyMaps:
    """The maps of one context network for the images of one store.

    Attributes:
        folder: holds the parts; named after the network's checkpoint.
        images: digest of every image of the store, by id (Manifest.image_digests).
        grid: (rows, cols) of a map.
        advice: the command that computes missing maps.
    """

    folder: Path
    images: Mapping[str, str]
    grid: tuple[int, int]
    advice: str

    def missing(self) -> list[str]:
        """Ids of the store's images without a map of their current pixels."""
        return [image_id for image_id in self.images if (image_id, self.images[image_id]) not in self._index]

    def append(self, image_ids: Sequence[str], maps: NDArray[np.float32]) -> None:
        """Store maps [N, 2, rows, cols] (malignant, benign), in [0, 1], of these images as a new part.

        Raises:
            MammoError: a value is not in [0, 1].
        """
        if not ((maps >= 0) & (maps <= 1)).all():
            raise MammoError(
                f"a saliency map of {self.folder.name} is outside [0, 1] or NaN: train the context network again"
            )
        make_folder(self.folder)
        content = BytesIO()
        np.save(content, maps.astype(np.float32, copy=False))
        lines = f"sha256 {sha256(content.getvalue()).hexdigest()}\n"
        lines += "".join(f"{image_id} {self.images[image_id]}\n" for image_id in image_ids)
        name = _name(lines)
        with atomic_write(self.folder / f"{name}.npy") as written:
            written.write_bytes(content.getvalue())
        with atomic_write(self.folder / f"{name}.txt") as written:  # the part counts from here on
            written.write_text(lines, encoding="utf-8")
        self.__dict__.pop("_index", None)

    def check(self) -> None:
        """Check that every image of the store has its map.

        Raises:
            MammoError: naming an image whose map is missing or stale, and the command that computes it.
        """
        missing = self.missing()
        if missing:
            known = {image_id for image_id, _ in self._index}
            state = "is of other pixels (stale)" if missing[0] in known else "is missing"
            damage = "".join(f"; {path} is damaged or of an earlier version" for path in self.damaged()[:1])
            message = f"the saliency map of image {missing[0]} {state} in {self.folder}{damage}"
            raise MammoError(f"{message} ({len(missing)} of {len(self.images)} are): run {self.advice}")

    def damaged(self) -> list[Path]:
        """The files of parts of which a byte has changed, or with maps in float16; their maps count as missing."""
        found = [names for names in sorted(self.folder.glob("*.txt")) if not _read_part(names)[0]]
        return [names if names.stem != _name_of(names) else names.with_suffix(".npy") for names in found]

    def remove_damaged(self) -> None:
        """Remove damaged parts, whose maps are then computed again."""
        for path in self.damaged():
            for suffix in (".txt", ".npy"):
                path.with_suffix(suffix).unlink(missing_ok=True)
        self.__dict__.pop("_index", None)

    def __call__(self, image_ids: Sequence[str]) -> NDArray[np.float32]:
        """Maps [N, 2, rows, cols] float32 (malignant, benign), in [0, 1], of these images.

        Raises:
            MammoError: as check.
        """
        found = [self._index.get((image_id, self.images.get(image_id, ""))) for image_id in image_ids]
        if None in found:
            self.check()
            image_id = image_ids[found.index(None)]
            raise MammoError(f"image {image_id} is not in the store of the saliency maps in {self.folder}")
        return np.stack([part[row] for part, row in found if part is not None])  # type: ignore[misc]

    @cached_property
    def _index(self) -> dict[Key, tuple[NDArray[np.float32], int]]:
        """By image id and digest, the memory-mapped part and row of each map. A damaged part counts as missing.

        Raises:
            MammoError: an intact part has maps of another shape, or values that are NaN or outside [0, 1].
        """
        index: dict[Key, tuple[NDArray[np.float32], int]] = {}
        for names in sorted(self.folder.glob("*.txt")):
            keys, part = _read_part(names)
            self._check_values(names.with_suffix(".npy"), keys, part)
            index.update({(key[0], key[1]): (part, row) for row, key in enumerate(keys)})
        return index

    def _check_values(self, path: Path, keys: list[list[str]], part: NDArray[np.float32]) -> None:
        expected, again = (len(keys), 2, *self.grid), f"delete {path} and run {self.advice}"
        if keys and part.shape != expected:
            raise MammoError(
                f"{path}, with the saliency map of image {keys[0][0]}, holds {list(part.shape)}, not "
                f"{list(expected)}: {again}"
            )
        wrong = [key[0] for key, each in zip(keys, part, strict=False) if not ((each >= 0) & (each <= 1)).all()]
        if wrong:
            raise MammoError(f"{path}: the saliency map of image {wrong[0]} has NaN or values outside [0, 1]: {again}")


def _name(lines: str) -> str:
    """The name of a part: a digest of its lines, of which the first is the digest of its maps."""
    return sha256(lines.encode()).hexdigest()[:16]


def _name_of(names: Path) -> str:
    try:
        return _name(read_text(names, TABLE_BYTES))
    except (OSError, ValueError):
        return ""


def _read_part(names: Path) -> tuple[list[list[str]], NDArray[np.float32]]:
    """The image ids and digests of a part and its memory-mapped maps.

    There are none if a byte of either file has changed, or the maps are in float16, as earlier versions wrote them.
    """
    try:
        lines, maps = read_text(names, TABLE_BYTES), names.with_suffix(".npy")
        (_, digest), *keys = [line.split() for line in lines.splitlines()]
        check_size(maps, maps.stat().st_size)  # a regular file, however large
        with maps.open("rb") as file:
            is_intact = names.stem == _name(lines) and file_digest(file, "sha256").hexdigest() == digest
        part = np.load(maps, mmap_mode="r", allow_pickle=False) if is_intact else NO_MAPS
        return (keys, part) if is_intact and part.dtype == np.float32 else ([], NO_MAPS)
    except (OSError, ValueError, EOFError):
        return [], NO_MAPS
