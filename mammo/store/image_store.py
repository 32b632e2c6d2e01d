"""The pixels of a store: every image is a record of compressed tiles, read by window without decoding the whole image.

Every image also carries a note by the ingest that wrote it, so that an unfinished store shows which of its images are
complete. Images that are read again and again can stay decoded in memory: the hot images.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, CropWindow, FrameChain
from mammo.records import MammoError
from mammo.store.record_files import RecordFiles, StoredRecord
from mammo.store.store_header import AGAIN, damaged_index
from mammo.store.tiles import DamagedError, TiledImage, encode


@dataclass(frozen=True)
class ImageStore:
    """The pixel files below one store folder.

    Attributes:
        root: the store folder; pixels lie in images/.
        hot: ids of the images that stay decoded in memory once they were read.
    """

    root: Path
    hot: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoded", {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without the decoded images: another process decodes its own."""
        return ImageStore, (self.root, self.hot)

    def write(self, image_id: str, pixels: NDArray[np.uint16], note: str = "") -> None:
        """Store pixels [H, W] uint16, 0 to 4095, store frame, with a note; replaces an earlier image of the same id."""
        self.append(image_id, *encode(pixels, note))
        self.refresh()

    def append(self, image_id: str, record: bytes, head: int) -> None:
        """Store a record made by tiles.encode; head is the size of its head in bytes."""
        _record_files(self.root).append(_key(image_id), record, head)

    def shape(self, image_id: str) -> tuple[int, int]:
        """(rows, cols) of the stored pixels; MammoError if the image is not in the store."""
        return self._open(image_id).shape

    def read(self, image_id: str, box: Box) -> NDArray[np.uint16]:
        """Pixels [box.height, box.width] uint16, 0 to 4095, of a box of the store frame; 0 outside the stored pixels.

        Raises:
            MammoError: the image is not in the store, or its pixels are damaged.
        """
        out = np.empty((box.height, box.width), dtype=np.uint16)
        self.read_into(image_id, (box.row0, box.col0), out)
        return out

    def read_into(
        self, image_id: str, corner: tuple[int, int], out: NDArray[np.generic], window: CropWindow | None = None
    ) -> None:
        """Read pixels, 0 to 4095, into out [height, width] of any type.

        Args:
            image_id: id of the image.
            corner: (row, col) of the first pixel, store frame.
            out: [height, width], receives the pixels.
            window: crop window in the store frame; pixels of out that it does not need may stay unchanged.
        """
        whole = self._kept.get(image_id)
        if whole is None and image_id in self.hot:
            whole = self._kept[image_id] = self._decode(image_id, (0, 0), np.empty(self.shape(image_id), np.uint16))
        shape = self.shape(image_id) if whole is None else whole.shape
        (row0, col0), (height, width) = corner, out.shape
        if row0 < 0 or col0 < 0 or row0 + height > shape[0] or col0 + width > shape[1]:
            top, left = max(-row0, 0), max(-col0, 0)
            bottom, right = min(height, shape[0] - row0), min(width, shape[1] - col0)
            out[:] = 0
            if top >= bottom or left >= right:
                return
            row0, col0, out = row0 + top, col0 + left, out[top:bottom, left:right]
        if whole is None:
            self._decode(image_id, (row0, col0), out, window)
        else:
            out[:] = whole[row0 : row0 + out.shape[0], col0 : col0 + out.shape[1]]

    def network(self, image_id: str, chain: FrameChain) -> NDArray[np.uint16]:
        """The image's whole network window, [frame.height, frame.width] uint16, 0 to 4095."""
        whole = Box(0, chain.frame.height, 0, chain.frame.width)
        return self.read(image_id, whole.shifted(*chain.origin))

    def equal(self, image_id: str, other_id: str) -> bool:
        """Whether two images have the same stored pixels."""
        shape = self.shape(image_id)
        whole = Box(0, shape[0], 0, shape[1])
        return shape == self.shape(other_id) and np.array_equal(self.read(image_id, whole), self.read(other_id, whole))

    def note(self, image_id: str) -> str:
        """The note written with the image; empty where the image is missing or its head is damaged."""
        try:
            return self._open(image_id).note
        except MammoError:
            return ""

    def record(self, image_id: str) -> tuple[bytes, int]:
        """The image's record as it was appended, and the size of its head.

        Raises:
            MammoError: it is not in the store, or damaged.
        """
        record = _record_files(self.root).find(_key(image_id))
        try:
            self._open(image_id).verify()
        except DamagedError:
            record = None
        if record is None:
            raise self._damaged(image_id)
        return record.read(0, record.size), record.head

    def file(self, image_id: str) -> Path | None:
        """The file that holds the image's pixels, None if the image is not in the store."""
        record = _record_files(self.root).find(_key(image_id))
        return record.path if record else None

    def remove_replaced(self, wanted: Collection[str] | None = None) -> None:
        """Delete the files in which every image has been replaced by a newer one, or is not wanted.

        Args:
            wanted: ids of the images to keep, None for all.
        """
        self.refresh()
        _record_files(self.root).remove_replaced(wanted)

    def refresh(self) -> None:
        """Notice images that were written since, here or by other processes."""
        _record_files(self.root).refresh()
        _opened.cache_clear()
        self._kept.clear()

    @property
    def _kept(self) -> dict[str, NDArray[np.uint16]]:
        kept: dict[str, NDArray[np.uint16]] = self.__dict__["_decoded"]
        return kept

    def _decode(
        self, image_id: str, corner: tuple[int, int], out: NDArray[Any], window: CropWindow | None = None
    ) -> NDArray[Any]:
        try:
            self._open(image_id).read_into(corner, out, window)
        except (DamagedError, ValueError):
            raise self._damaged(image_id) from None
        return out

    def _open(self, image_id: str) -> TiledImage:
        try:
            image, record = _opened(self.root, _key(image_id))
            if record.deleted:  # and perhaps written again
                _opened.cache_clear()
                image, _ = _opened(self.root, image_id)
            return image
        except KeyError:
            raise self._missing(image_id) from None
        except DamagedError:
            raise self._damaged(image_id) from None

    def _missing(self, image_id: str) -> MammoError:
        cut = _record_files(self.root).cut_file(image_id)
        damage = f"{cut} was cut" if cut else damaged_index(self.root)
        return MammoError(f"image {image_id} is missing from the store {self.root}{damage and f': {damage}'}: {AGAIN}")

    def _damaged(self, image_id: str) -> MammoError:
        return MammoError(
            f"image {image_id} is damaged in {self.file(image_id) or self.root}: delete that file and run python -m "
            "mammo.ingest again, which reads the images of that file again"
        )


def ids_that_fit(shapes: Iterable[tuple[str, tuple[int, int]]], n_bytes: float) -> frozenset[str]:
    """Ids of the first images, given as (id, (rows, cols)), whose decoded pixels together fit into n_bytes."""
    chosen, left = [], n_bytes
    for image_id, (rows, cols) in shapes:
        left -= 2 * rows * cols
        if left < 0:
            break
        chosen.append(image_id)
    return frozenset(chosen)


def _key(image_id: str) -> str:
    if not image_id.isalnum() or len(image_id) > 32:
        raise MammoError(f"invalid image id {image_id!r}: use an id from the store's images.parquet")
    return image_id


@lru_cache(maxsize=64)
def _record_files(root: Path) -> RecordFiles:
    return RecordFiles(root / "images")


@lru_cache(maxsize=4096)
def _opened(root: Path, key: str) -> tuple[TiledImage, StoredRecord]:
    """An image with its head read, and its record; KeyError if the store lacks it."""
    record = _record_files(root).find(key)
    if record is None:
        raise KeyError(key)
    return TiledImage(record.read(0, record.head), record), record
