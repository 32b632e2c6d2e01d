"""One image as a record of compressed tiles: a window is read without decoding the rest of the image.

A record is a head (sizes and checksums of the tiles, and a note) and the tiles, row by row: 128 x 128 px, bit-shuffled
LZ4, about a quarter of the raw size for mammograms. The tiles of a row are contiguous, so that a window costs one read
of the file for each row of tiles. Tiles of zeros take no space.
"""

import struct
from collections.abc import Iterator
from math import ceil, floor
from typing import Protocol
from zlib import crc32

import blosc2
import numpy as np
from numpy.typing import NDArray

from mammo.geometry import CropWindow

TILE_PX = 128
START = struct.Struct("<4s5I")
"""Start of the head: MAGIC, CRC-32 of the rest of the head, rows, columns, side of a tile, bytes of the note. Then come
uint32 sizes of all tiles, uint32 CRC-32 of all tiles, and the note in UTF-8."""
MAGIC = b"MTL1"

blosc2.set_releasegil(True)  # lets reading threads decompress in parallel


class Record(Protocol):
    """An image's record, read by byte range."""

    def read(self, start: int, stop: int) -> bytes:
        """Bytes start to stop."""
        ...

    def prefetch(self, start: int, stop: int) -> None:
        """Load bytes start to stop in the background: they are read next."""
        ...


class DamagedError(Exception):
    """The bytes read differ from those written."""


def encode(pixels: NDArray[np.uint16], note: str) -> tuple[bytes, int]:
    """The record of pixels [H, W] uint16 with a note, and the size of the record's head in bytes."""
    rows, cols = pixels.shape
    tiles = [
        _compressed(pixels[row : row + TILE_PX, col : col + TILE_PX])
        for row in range(0, rows, TILE_PX)
        for col in range(0, cols, TILE_PX)
    ]
    text, table = note.encode(), np.array([[len(tile) for tile in tiles], [crc32(tile) for tile in tiles]], "<u4")
    rest = struct.pack("<4I", rows, cols, TILE_PX, len(text)) + table.tobytes() + text
    head = MAGIC + struct.pack("<I", crc32(rest)) + rest
    return b"".join([head, *tiles]), len(head)


class TiledImage:
    """An image in its record.

    Args:
        head: the record's head.
        record: the record.

    Raises:
        DamagedError: the head is damaged.
    """

    def __init__(self, head: bytes, record: Record) -> None:
        if len(head) < START.size or head[:4] != MAGIC or crc32(head[8:]) != int.from_bytes(head[4:8], "little"):
            raise DamagedError
        _, _, rows, cols, self._side, n_note = START.unpack_from(head)
        self.shape: tuple[int, int] = (rows, cols)
        self.note = head[len(head) - n_note :].decode()
        self._n_across = -(-cols // self._side)
        sizes, checks = np.frombuffer(head[START.size : len(head) - n_note], "<u4").reshape(2, -1)
        self._starts: list[int] = (len(head) + np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])).tolist()
        self._checks: list[int] = checks.tolist()
        self._verified = bytearray(len(checks))
        self._record = record

    def read_into(self, corner: tuple[int, int], out: NDArray[np.generic], window: CropWindow | None = None) -> None:
        """Fill out [h, w], of any type, with pixels of the image (uint16); out must lie inside the image.

        Args:
            corner: (row, col) of the first pixel.
            out: [h, w], receives the pixels.
            window: crop window in pixels of the image; tiles that it does not touch are not read.

        Raises:
            DamagedError: a tile differs from what was written.
        """
        side, starts, (row0, col0) = self._side, self._starts, corner
        rows = list(self._touched(corner, out.shape, window))
        runs = [
            (starts[down * self._n_across + tiles[0]], starts[down * self._n_across + tiles[-1] + 1])
            for down, tiles in rows
        ]
        for run in runs[1:]:
            self._record.prefetch(*run)
        buffer = np.empty((side, side), np.uint16)
        for (down, tiles), (start, stop) in zip(rows, runs, strict=True):
            data = memoryview(self._record.read(start, stop))
            above = max(row0 - down * side, 0)
            band = out[down * side - row0 + above : (down + 1) * side - row0]
            for across in tiles:
                number, first = down * self._n_across + across, across * side - col0
                left = max(-first, 0)
                target = band[:, first + left : first + side]
                begin, end = starts[number] - start, starts[number + 1] - start
                if begin == end:
                    target[:] = 0
                    continue
                tile = self._tile(number, down, across, data[begin:end], buffer)
                target[:] = tile[above : above + target.shape[0], left : left + target.shape[1]]

    def verify(self) -> None:
        """Check the bytes of all tiles; DamagedError where one differs from what was written."""
        for number, check in enumerate(self._checks):
            if crc32(self._record.read(self._starts[number], self._starts[number + 1])) != check:
                raise DamagedError

    def _touched(
        self, corner: tuple[int, int], shape: tuple[int, ...], window: CropWindow | None
    ) -> Iterator[tuple[int, range]]:
        """Yield each row of tiles with its columns that hold pixels of shape at corner and touch the window."""
        side, (row0, col0), (height, width) = self._side, corner, shape
        start, stop = col0 // side, (col0 + width - 1) // side + 1
        for down in range(row0 // side, (row0 + height - 1) // side + 1):
            across = range(start, stop)
            if window is not None:
                first, last = window.squares_touched((down + 0.5) * side, side)
                if first > last:
                    continue
                across = range(max(start, ceil(first / side - 0.5)), min(stop, floor(last / side - 0.5) + 1))
            if across:
                yield down, across

    def _tile(
        self, number: int, down: int, across: int, data: memoryview, buffer: NDArray[np.uint16]
    ) -> NDArray[np.uint16]:
        """The pixels of one tile, verified on its first read; in buffer [side, side] where the tile fills it."""
        if not self._verified[number]:
            if crc32(data) != self._checks[number]:
                raise DamagedError
            self._verified[number] = 1
        (rows, cols), side = self.shape, self._side
        shape = (min(side, rows - down * side), min(side, cols - across * side))
        tile = buffer if shape == buffer.shape else np.empty(shape, np.uint16)
        try:
            blosc2.decompress2(data, dst=tile, nthreads=1)
        except RuntimeError as error:
            if type(error) is not RuntimeError:  # not of the library: a job that must end, for example
                raise
            raise DamagedError from error
        return tile


def _compressed(tile: NDArray[np.uint16]) -> bytes:
    if not tile.any():
        return b""
    packed: bytes = blosc2.compress2(
        np.ascontiguousarray(tile),
        codec=blosc2.Codec.LZ4,
        clevel=9,
        filters=[blosc2.Filter.BITSHUFFLE],
        typesize=2,
        nthreads=1,
    )
    return packed
