"""Records of tiles: lossless, verified, and read only where a window touches them."""

import numpy as np
import pytest

from mammo.geometry import CropWindow
from mammo.store.tiles import TILE_PX, DamagedError, TiledImage, encode

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 4096, (300, 410)).astype(np.uint16)
PIXELS[128:256, 128:256] = 0


class Memory:
    """A record in memory that remembers what was read of it."""

    def __init__(self, record: bytes) -> None:
        self.record, self.log = record, list[tuple[int, int]]()

    def read(self, start: int, stop: int) -> bytes:
        self.log.append((start, stop))
        return self.record[start:stop]

    def prefetch(self, start: int, stop: int) -> None:
        assert 0 < start <= stop <= len(self.record)


def opened(record: bytes, head: int) -> TiledImage:
    return TiledImage(record[:head], Memory(record))


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_every_window_equals_the_slice(dtype: type) -> None:
    image = opened(*encode(PIXELS, "a note, é"))
    assert image.shape == PIXELS.shape
    assert image.note == "a note, é"
    for _ in range(60):
        row0, col0 = RNG.integers(0, (300, 410))
        height, width = RNG.integers(1, (301 - row0, 411 - col0))
        out = np.full((height, width), 9, dtype)
        image.read_into((int(row0), int(col0)), out)
        assert np.array_equal(out, PIXELS[row0 : row0 + height, col0 : col0 + width])


def test_sixteen_bits_are_lossless() -> None:
    pixels = RNG.integers(0, 65536, (130, 5)).astype(np.uint16)
    out = np.empty_like(pixels)
    opened(*encode(pixels, "")).read_into((0, 0), out)
    assert np.array_equal(out, pixels)


def test_a_window_costs_one_read_for_each_row_of_tiles_and_only_its_tiles() -> None:
    record, head = encode(PIXELS, "")
    memory = Memory(record)
    log = memory.log
    TiledImage(record[:head], memory).read_into((10, 260), np.empty((150, 20), np.uint16))
    assert len(log) == 2
    tile = encode(np.ascontiguousarray(PIXELS[:TILE_PX, 2 * TILE_PX : 3 * TILE_PX]), "")
    assert log[0][1] - log[0][0] == len(tile[0]) - tile[1]


def test_a_rotated_window_reads_only_the_tiles_that_it_touches() -> None:
    pixels = RNG.integers(0, 4096, (640, 640)).astype(np.uint16)
    record, head = encode(pixels, "")
    window, memory, out = CropWindow(320, 320, 400, 45), Memory(record), np.zeros_like(pixels)
    TiledImage(record[:head], memory).read_into((0, 0), out, window)
    rows, cols = np.indices(pixels.shape)
    inside = window.contains(np.stack([rows + 0.5, cols + 0.5], axis=-1))
    assert np.array_equal(out[inside], pixels[inside])
    tiles = [(top, left) for top in range(0, 640, TILE_PX) for left in range(0, 640, TILE_PX)]
    touched = [inside[top : top + TILE_PX, left : left + TILE_PX].any() for top, left in tiles]
    assert len(memory.log) == 5
    assert [out[top : top + TILE_PX, left : left + TILE_PX].any() for top, left in tiles] == touched
    assert sum(touched) == 21


def test_black_tiles_take_no_space() -> None:
    black = np.zeros((512, 512), np.uint16)
    record, head = encode(black, "")
    assert len(record) == head
    out = np.ones((200, 200), np.uint16)
    opened(record, head).read_into((100, 100), out)
    assert not out.any()


@pytest.mark.parametrize("place", [0, 5, 30, 100])
def test_a_damaged_head_is_rejected(place: int) -> None:
    record, head = encode(PIXELS, "note")
    broken = bytearray(record)
    broken[place] ^= 4
    with pytest.raises(DamagedError):
        opened(bytes(broken), head)


def test_a_damaged_tile_is_detected_on_its_first_read() -> None:
    record, head = encode(PIXELS, "")
    for place in RNG.integers(head, len(record), 30).tolist():
        broken = bytearray(record)
        broken[place] ^= 1
        with pytest.raises(DamagedError):
            opened(bytes(broken), head).read_into((0, 0), np.empty_like(PIXELS))
