"""The pixels of a store: one compressed, chunked file an image, read by window without decoding the whole image.

Chunks of 256 x 256 px in bit-shuffled LZ4 cost about a quarter of the raw size, and a window reads only the blocks
that it touches. Every file also carries a note, the words of the ingest that wrote it, so that a half-filled store
knows by itself which of its images are done.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import get_ident

import blosc2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import Box, FrameChain
from mammo.records import MammoError

CHUNK_PX, BLOCK_PX = 256, 64
NOTE = "note"
KEPT_IMAGE_BYTES, KEPT_IMAGES = 1 << 19, 4096
"""Images of up to half a megabyte (an eighth of full size) stay decoded in memory, up to this many."""


@dataclass(frozen=True)
class ImageStore:
    """The pixel files below one store folder.

    Attributes:
        root: the store folder; pixels lie in images/ab/<image_id>.b2nd with ab the first two characters of the id.
    """

    root: Path

    def write(self, image_id: str, pixels: NDArray[np.uint16], note: str = "") -> None:
        """Keep pixels [H, W], 0 to 4095, of the store frame; the file appears whole or not at all."""
        chunks = tuple(min(CHUNK_PX, n) for n in pixels.shape)
        array = blosc2.asarray(
            np.ascontiguousarray(pixels, dtype=np.uint16),
            chunks=chunks,
            blocks=tuple(min(BLOCK_PX, n) for n in chunks),
            cparams=blosc2.CParams(codec=blosc2.Codec.LZ4, clevel=5, filters=[blosc2.Filter.BITSHUFFLE], nthreads=1),
            dparams=blosc2.DParams(nthreads=1),
            contiguous=True,
        )
        array.schunk.vlmeta[NOTE] = note
        path = self._path(image_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_bytes(array.to_cframe())
        partial.replace(path)
        _opened.cache_clear()
        _kept.pop(str(path), None)

    def shape(self, image_id: str) -> tuple[int, int]:
        """(rows, cols) of the stored pixels; MammoError if the image is not in the store."""
        rows, cols = self._open(image_id).shape
        return int(rows), int(cols)

    def read(self, image_id: str, box: Box) -> NDArray[np.uint16]:
        """Pixels [box.height, box.width] of a box of the store frame, zero outside the stored pixels.

        Raises:
            MammoError: the image is not in the store.
        """
        out = np.empty((box.height, box.width), dtype=np.uint16)
        self.read_into(image_id, (box.row0, box.col0), out)
        return out

    def read_into(self, image_id: str, corner: tuple[int, int], out: NDArray[np.generic]) -> None:
        """As read, into out [height, width] of any type; corner is (row, col) of its first pixel."""
        array = self._pixels(image_id)
        spans = [
            (max(first, 0), max(min(first + n, size), max(first, 0)))
            for first, n, size in zip(corner, out.shape, array.shape, strict=True)
        ]
        (row0, row1), (col0, col1) = spans
        top, bottom, left, right = row0 - corner[0], row1 - corner[0], col0 - corner[1], col1 - corner[1]
        if row0 < row1 and col0 < col1:
            out[top:bottom, left:right] = array[row0:row1, col0:col1]
            out[:top], out[bottom:] = 0, 0
            out[top:bottom, :left], out[top:bottom, right:] = 0, 0
        else:
            out[:] = 0

    def network(self, image_id: str, chain: FrameChain) -> NDArray[np.uint16]:
        """The image's whole network window, [frame.height, frame.width]."""
        whole = Box(0, chain.frame.height, 0, chain.frame.width)
        return self.read(image_id, whole.shifted(*chain.origin))

    def note(self, image_id: str) -> str:
        """The note written with the image, or an empty one where the image is absent or its file is damaged."""
        try:
            return str(self._open(image_id).schunk.vlmeta[NOTE])
        except (MammoError, RuntimeError, KeyError, ValueError):
            return ""

    def _path(self, image_id: str) -> Path:
        if not image_id.isalnum():
            raise MammoError(f"image id {image_id!r} is not one of a store: take ids from its images.parquet")
        return self.root / "images" / image_id[:2] / f"{image_id}.b2nd"

    def _pixels(self, image_id: str) -> "blosc2.NDArray | NDArray[np.uint16]":
        """The image decoded, where it is small enough to be kept, else its open file."""
        path = str(self._path(image_id))
        if path not in _kept:
            array = self._open(image_id)
            if array.nbytes > KEPT_IMAGE_BYTES or len(_kept) >= KEPT_IMAGES:
                return array
            _kept[path] = array[:]
        return _kept[path]

    def _open(self, image_id: str) -> blosc2.NDArray:
        path = self._path(image_id)
        try:
            return _opened(str(path), get_ident())
        except FileNotFoundError:
            message = f"image {image_id} is missing from the store {self.root}: run python -m mammo.ingest again"
            raise MammoError(message) from None


_kept: dict[str, NDArray[np.uint16]] = {}


@lru_cache(maxsize=512)
def _opened(path: str, thread: int) -> blosc2.NDArray:
    """An open file of one thread: its decompressor must not be shared."""
    return blosc2.open(path, mode="r", dparams=blosc2.DParams(nthreads=1))
