import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from mammo.geometry import Box, Frame, FrameChain
from mammo.records import MammoError
from mammo.store import image_store
from mammo.store.image_store import ImageStore, ids_that_fit

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 4096, (530, 301)).astype(np.uint16)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    store = ImageStore(tmp_path)
    store.write("abc1", PIXELS, note="made by hand")
    return store


def test_a_window_is_the_slice_of_the_pixels_and_zero_outside(store: ImageStore) -> None:
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


def test_writing_an_image_again_replaces_it(store: ImageStore, tmp_path: Path) -> None:
    store.write("abc1", PIXELS[:10, :20], note="again")
    assert store.shape("abc1") == (10, 20)
    assert store.note("abc1") == "again"
    assert np.array_equal(store.read("abc1", Box(0, 10, 0, 20)), PIXELS[:10, :20])


def test_a_store_that_is_deleted_and_rewritten_serves_its_new_pixels(store: ImageStore, tmp_path: Path) -> None:
    whole, other = Box(0, 530, 0, 301), PIXELS[::-1].copy()
    assert np.array_equal(store.read("abc1", whole), PIXELS)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(MammoError, match="image abc1 is missing from the store"):
        store.read("abc1", whole)
    ImageStore(tmp_path).write("abc1", other)
    assert np.array_equal(store.read("abc1", whole), other)


def test_a_damaged_head_has_no_note_and_damaged_pixels_are_never_served(store: ImageStore, tmp_path: Path) -> None:
    (path,) = (tmp_path / "images").glob("*.tiles")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    assert store.note("abc1") == "made by hand"
    assert np.array_equal(store.read("abc1", Box(0, 128, 0, 128)), PIXELS[:128, :128])
    with pytest.raises(MammoError, match=rf"image abc1 is damaged in .*{path.name}: delete .* mammo\.ingest"):
        store.read("abc1", Box(500, 530, 290, 301))
    assert fresh_note(tmp_path) == "made by hand"
    content[60] ^= 1
    path.write_bytes(content)
    assert fresh_note(tmp_path) == ""


def fresh_note(root: Path) -> str:
    """The note of abc1 as a new process sees it."""
    image_store._opened.cache_clear()
    image_store._record_files.cache_clear()
    return ImageStore(root).note("abc1")


def test_a_cut_off_file_counts_as_missing(store: ImageStore, tmp_path: Path) -> None:
    (path,) = (tmp_path / "images").glob("*.tiles")
    path.write_bytes(path.read_bytes()[:-1])
    assert fresh_note(tmp_path) == ""


def test_hot_images_are_read_once_and_stay_in_memory(store: ImageStore, tmp_path: Path) -> None:
    hot = ImageStore(tmp_path, frozenset({"abc1"}))
    box = Box(-5, 300, 90, 330)
    first = hot.read("abc1", box)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    assert np.array_equal(hot.read("abc1", box), first)
    assert np.array_equal(first, np.pad(PIXELS, 40)[35:340, 130:370])
    hot.write("abc1", PIXELS[:7, :7])
    assert hot.shape("abc1") == (7, 7)
    assert not hot.read("abc1", Box(20, 30, 0, 9)).any()


def test_the_first_images_that_fit_into_memory() -> None:
    shapes = [("a", (10, 10)), ("b", (20, 10)), ("c", (1, 1))]
    assert ids_that_fit(shapes, 600) == {"a", "b"}
    assert ids_that_fit(shapes, 599) == {"a"}
    assert ids_that_fit(shapes, 10**9) == {"a", "b", "c"}


def test_a_missing_image_is_named(store: ImageStore) -> None:
    with pytest.raises(MammoError, match=r"image abc2 is missing .* run python -m mammo\.ingest"):
        store.read("abc2", Box(0, 1, 0, 1))


def test_a_path_is_not_an_image_id(store: ImageStore) -> None:
    with pytest.raises(MammoError, match=r"invalid image id '\.\./\.\./etc/passwd': use an id from .*images\.parquet"):
        store.shape("../../etc/passwd")


def test_a_store_can_be_sent_to_another_process(store: ImageStore) -> None:
    assert pickle.loads(pickle.dumps(store)).shape("abc1") == (530, 301)
