import pickle
from pathlib import Path

import numpy as np
import pytest

from mammo.geometry import Box, Frame, FrameChain
from mammo.records import MammoError
from mammo.store.image_store import ImageStore

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 4096, (530, 301)).astype(np.uint16)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    store = ImageStore(tmp_path)
    store.write("abc1", PIXELS, note="made by hand")
    return store


def test_windows_equal_slices_with_zeros_around(store: ImageStore) -> None:
    padded = np.pad(PIXELS, 700)
    boxes = [(0, 530, 0, 301), (-5, 3, 290, 400), (600, 640, 0, 10), (-50, 600, -60, 350), (255, 258, 255, 258)]
    for _ in range(40):
        (r0, c0), (h, w) = RNG.integers(-300, 600, 2), RNG.integers(1, 200, 2)
        boxes.append((int(r0), int(r0 + h), int(c0), int(c0 + w)))
    for box in boxes:
        expected = padded[box[0] + 700 : box[1] + 700, box[2] + 700 : box[3] + 700]
        got = store.read("abc1", Box(*box))
        assert got.dtype == np.uint16
        assert np.array_equal(got, expected)


def test_the_network_window_starts_at_the_chains_origin(store: ImageStore) -> None:
    chain = FrameChain((530, 301), False, Box(0, 530, 0, 301), 1, (-7, 40), Frame(640, 256, 64))
    window = store.network("abc1", chain)
    assert window.shape == (640, 256)
    assert not window[:7].any()
    assert np.array_equal(window[7:537], PIXELS[:, 40:296])


def test_shape_and_note(store: ImageStore) -> None:
    assert store.shape("abc1") == (530, 301)
    assert store.note("abc1") == "made by hand"
    assert store.note("abc2") == ""


def test_an_image_is_replaced_whole(store: ImageStore, tmp_path: Path) -> None:
    store.write("abc1", PIXELS[:10, :20], note="again")
    assert store.shape("abc1") == (10, 20)
    assert store.note("abc1") == "again"
    assert [path.name for path in (tmp_path / "images" / "ab").iterdir()] == ["abc1.b2nd"]


def test_a_damaged_file_has_no_note(store: ImageStore, tmp_path: Path) -> None:
    path = tmp_path / "images" / "ab" / "abc1.b2nd"
    path.write_bytes(path.read_bytes()[:100])
    assert ImageStore(tmp_path).note("abc1") == ""


def test_a_missing_image_is_named(store: ImageStore) -> None:
    with pytest.raises(MammoError, match=r"image abc2 is missing .* run python -m mammo\.ingest"):
        store.read("abc2", Box(0, 1, 0, 1))


def test_ids_are_no_paths(store: ImageStore) -> None:
    with pytest.raises(MammoError, match="not one of a store"):
        store.shape("../../etc/passwd")


def test_a_store_can_be_sent_to_another_process(store: ImageStore) -> None:
    assert pickle.loads(pickle.dumps(store)).shape("abc1") == (530, 301)
