"""Patches against point-by-point interpolation by scipy and against one another; resample plans; whole images."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mammo.data.crops import CropRequests, ResamplePlan, crop, image_box, resize_to_frame
from mammo.geometry import Box, CropWindow, CropWindows, Frame, FrameChain
from mammo.records import FULL_SCALE
from mammo.store.image_store import ImageStore

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 4096, (160, 130)).astype(np.uint16)

FREE = np.array(
    [
        (70.2, 60, 20, 0),
        (74.3, 63.7, 16, 25),
        (75, 65, 9, -30),
        (40.2, 50, 60.5, 12),
        (90, 70, 70, 45),
        (5, 120, 50, -30),
    ]
)
"""Windows at fractional positions: enlarged, shrunk, rotated, half outside the image."""

PLAN_RNG = np.random.default_rng(1)
WINDOWS = PLAN_RNG.uniform([30, 30, 5, -45], [60, 60, 40, 45], size=(200, 4))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    images = ImageStore(Path(tmp_path_factory.mktemp("store")))
    images.write("ab12", NOISE)
    images.write("cd34", NOISE[::-1, ::-1][:100])
    return images


def points(window: np.ndarray, patch_px: int) -> np.ndarray:
    """Positions [2, P, P] of the patch's pixel centers, as pixel numbers of the store frame."""
    local = (np.stack(np.meshgrid(*[np.arange(patch_px)] * 2, indexing="ij"), axis=-1) + 0.5) / patch_px - 0.5
    return (CropWindow(*window).to_frame(local) - 0.5).transpose(2, 0, 1)


def reference(pixels: np.ndarray, window: np.ndarray, patch_px: int, antialias: bool) -> np.ndarray:
    """The patch by scipy: the whole image is filtered, then interpolated point by point; zeros surround it."""
    padded = np.pad(pixels.astype(float), 100)
    tap = np.clip(((window[2] / patch_px) ** 2 - 1) / 24, 0, 0.25) if antialias else 0.0
    for axis in (0, 1):
        padded = (1 - 2 * tap) * padded + tap * (np.roll(padded, 1, axis) + np.roll(padded, -1, axis))
    return map_coordinates(padded, points(window, patch_px) + 100, order=1)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("patch_px", [20, 32])
def test_patches_equal_bilinear_interpolation_of_the_filtered_image(
    store: ImageStore, patch_px: int, antialias: bool
) -> None:
    found = crop(store, CropRequests(["ab12"] * len(FREE), FREE), patch_px, antialias=antialias)
    assert found.dtype == np.uint16
    for patch, window in zip(found, FREE, strict=True):
        assert np.abs(patch - reference(NOISE, window, patch_px, antialias)).max() < 0.6


@pytest.mark.parametrize("side", [16, 32, 48])
def test_upright_windows_on_whole_pixels_are_the_box_resized(store: ImageStore, side: int) -> None:
    window = np.array([40 + side / 2, 30 + side / 2, side, 0])
    found = crop(store, CropRequests(["ab12"], window[None]), 32)[0].astype(float)
    # A resize repeats the pixels at the edges of the box.
    within = np.clip(points(window, 32), [[[40]], [[30]]], [[[39 + side]], [[29 + side]]])
    tap = max((side / 32) ** 2 - 1, 0) / 24
    smooth = NOISE.astype(float)
    for axis in (0, 1):
        smooth = (1 - 2 * tap) * smooth + tap * (np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis))
    assert np.abs(found - map_coordinates(smooth, within, order=1)).max() < 0.6


def test_a_window_of_the_patch_size_is_a_slice_of_the_image(store: ImageStore) -> None:
    found = crop(store, CropRequests(["ab12"], np.array([[56.0, 46.0, 32.0, 0.0]])), 32)
    assert np.array_equal(found[0], NOISE[40:72, 30:62])


def test_rotating_the_window_by_90_degrees_rotates_the_patch(store: ImageStore) -> None:
    windows = np.array([[56.5, 46.5, 32.0, 0.0], [56.5, 46.5, 32.0, 90.0], [56.5, 46.5, 32.0, 180.0]])
    upright, quarter, half = crop(store, CropRequests(["ab12"] * 3, windows), 32).astype(int)
    assert np.abs(np.rot90(upright, -1) - quarter).max() <= 1 or np.abs(np.rot90(upright) - quarter).max() <= 1
    assert np.abs(np.rot90(upright, 2) - half).max() <= 1


def test_antialiased_patches_are_closer_to_the_area_mean_than_plain_interpolation(store: ImageStore) -> None:
    request = CropRequests(["ab12"], np.array([[64.0, 54.0, 48.0, 0.0]]))
    fine = np.kron(NOISE[40:88, 30:78], np.ones((2, 2)))
    area = fine.reshape(32, 3, 32, 3).mean(axis=(1, 3))
    filtered, linear = (np.abs(crop(store, request, 32, antialias=a)[0] - area).mean() for a in (True, False))
    assert filtered < 0.8 * linear


def test_pixels_outside_the_image_are_zero(store: ImageStore) -> None:
    assert not crop(store, CropRequests(["ab12"], np.array([[-60.0, -60.0, 20.0, 10.0]])), 16).any()


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("patch_px", [32, 100])
def test_patches_do_not_depend_on_pixels_that_a_rotated_window_leaves_unread(
    tmp_path: Path, patch_px: int, antialias: bool
) -> None:
    noise = RNG.integers(0, 4096, (900, 800)).astype(np.uint16)
    by_tiles, whole = ImageStore(tmp_path), ImageStore(tmp_path, frozenset({"ef56"}))
    by_tiles.write("ef56", noise)
    windows = RNG.uniform([-50, -50, 20, -180], [950, 850, 420, 180], size=(250, 4))
    for window in windows:  # one at a time, so that the reused memory holds the pixels of the previous window
        request = CropRequests(["ef56"], window[None])
        expected = crop(whole, request, patch_px, antialias=antialias)
        assert np.array_equal(crop(by_tiles, request, patch_px, antialias=antialias), expected)


def test_a_patch_does_not_depend_on_the_other_patches_of_its_batch(store: ImageStore) -> None:
    values = RNG.uniform([0, 0, 10, -30], [100, 130, 70, 30], size=(40, 4))
    values[::2] = np.rint(values[::2] / 2) * 2 * [1, 1, 1, 0]
    ids = RNG.choice(["ab12", "cd34"], size=40).tolist()
    together = crop(store, CropRequests(ids, values), 24)
    alone = [
        crop(store, CropRequests([image_id], value[None]), 24)[0] for image_id, value in zip(ids, values, strict=True)
    ]
    assert np.array_equal(together, np.stack(alone))


def test_neighboring_windows_share_one_read_and_distant_ones_do_not(
    store: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[tuple[int, ...]] = []
    plain = ImageStore.read_into

    def counted(self: ImageStore, image_id: str, corner: tuple[int, int], out: np.ndarray, *window: object) -> None:
        reads.append(out.shape)
        plain(self, image_id, corner, out)

    monkeypatch.setattr(ImageStore, "read_into", counted)
    near = np.array([[60.0, 60.0, 30.0, 0.0], [62.0, 64.0, 30.0, 0.0], [58.0, 61.0, 36.0, 0.0]])
    crop(store, CropRequests(["ab12"] * 3, near), 16)
    assert len(reads) == 1
    crop(store, CropRequests(["ab12"] * 2, np.array([[20.0, 20.0, 10.0, 0.0], [140.0, 110.0, 10.0, 0.0]])), 16)
    assert len(reads) == 3


def test_patches_are_written_to_the_given_array(store: ImageStore) -> None:
    out = np.zeros((5, 16, 16), np.uint16)
    requests = CropRequests(["ab12", "cd34"], FREE[:2])
    assert crop(store, requests, 16, out[2:4]).base is out
    assert np.array_equal(out[2:4], crop(store, requests, 16))
    assert not out[[0, 1, 4]].any()


def test_a_read_outside_the_image_overwrites_the_memory_with_zeros(store: ImageStore) -> None:
    for box in (Box(-9, 5, -3, 140), Box(150, 170, 100, 120), Box(300, 310, 0, 5), Box(5, 9, -9, -2)):
        out = np.full((box.height, box.width), 7, np.float32)
        store.read_into("ab12", (box.row0, box.col0), out)
        padded = np.pad(NOISE, 400)
        assert np.array_equal(out, padded[box.row0 + 400 : box.row1 + 400, box.col0 + 400 : box.col1 + 400])


def test_an_image_window_is_read_and_resized_to_the_frame() -> None:
    frame = Frame(96, 80, 8)
    chain = FrameChain((300, 300), False, Box(0, 200, 0, 200), 1.0, (10, 5), frame)
    whole = image_box(np.array([48.0, 40.0, 96.0, 80.0]), chain)
    assert (whole.row0, whole.row1, whole.col0, whole.col1) == (10, 106, 5, 85)
    larger = image_box(np.array([50.0, 40.0, 120.0, 100.0]), chain)
    assert (larger.height, larger.width) == (120, 100)
    wider = image_box(np.array([48.0, 44.0, 90.0, 88.0]), chain)
    assert (wider.row0, wider.row1, wider.col0, wider.col1) == (13, 103, 5, 93)
    pixels = np.random.default_rng(0).integers(0, FULL_SCALE + 1, (96, 80)).astype(np.uint16)
    assert resize_to_frame(pixels, frame) is pixels
    steep = np.zeros((120, 100), np.uint16)
    steep[:, 50:] = FULL_SCALE
    resized = resize_to_frame(steep, frame)
    assert resized.shape == (96, 80)
    assert resized.max() == FULL_SCALE
    assert (resized[:, :38] < 100).all()
    assert (resized[:, 42:] > FULL_SCALE - 400).all()


def test_boxes_are_tight_around_the_neighbors_of_all_sample_points() -> None:
    found = ResamplePlan.from_windows(WINDOWS, 16, antialias=False)
    local = (np.stack(np.meshgrid(np.arange(16), np.arange(16), indexing="ij"), axis=-1) + 0.5) / 16 - 0.5
    for window, (row0, row1, col0, col1) in zip(WINDOWS, found.box, strict=True):
        points = CropWindow(*window).to_frame(local) - 0.5
        low, high = np.floor(points.min(axis=(0, 1))), np.floor(points.max(axis=(0, 1))) + 2
        assert np.array_equal([row0, col0], low)
        assert np.array_equal([row1, col1], high)


def test_the_matrix_maps_patch_pixels_to_box_pixels() -> None:
    found = ResamplePlan.from_windows(WINDOWS, 16)
    for window, matrix, box in zip(WINDOWS, found.matrix, found.box, strict=True):
        x, y = PLAN_RNG.integers(0, 16, 2)
        col, row = matrix @ (x, y, 1)
        expected = CropWindow(*window).to_frame([(y + 0.5) / 16 - 0.5, (x + 0.5) / 16 - 0.5]) - 0.5 - box[[0, 2]]
        assert np.allclose([row, col], expected, atol=1e-9)


def test_the_filter_adds_a_margin_of_one_pixel() -> None:
    plain, smooth = ResamplePlan.from_windows(WINDOWS, 16, antialias=False), ResamplePlan.from_windows(WINDOWS, 16)
    shrinks = WINDOWS[:, 2] > 16
    assert np.array_equal(smooth.side_taps > 0, shrinks)
    assert np.array_equal(smooth.box - plain.box, shrinks[:, None] * np.array([-1, 1, -1, 1]))


def test_windows_on_whole_pixels_are_their_boxes() -> None:
    windows = np.array([(20.5, 30.5, 9, 0), (20, 30, 16, 0), (20, 30, 9, 0), (20, 30, 16, 1), (20, 30, 16.5, 0)])
    found = ResamplePlan.from_windows(windows, 16)
    assert found.whole.tolist() == [True, True, False, False, False]
    assert found.box[:2].tolist() == [[16, 25, 26, 35], [12, 28, 22, 38]]


def test_many_windows_are_transformed_as_each_alone() -> None:
    local = PLAN_RNG.uniform(-0.5, 0.5, size=(len(WINDOWS), 5, 2))
    together = CropWindows(WINDOWS).to_frame(local)
    alone = [CropWindow(*window).to_frame(points) for window, points in zip(WINDOWS, local, strict=True)]
    assert np.array_equal(together, np.stack(alone))
