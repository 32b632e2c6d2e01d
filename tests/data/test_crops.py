"""Patches against reading the image point by point, and the chain's frames."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mammo.data.batches import Reader
from mammo.data.crops import patch
from mammo.data.plans import Plan
from mammo.geometry import Box, CropWindow, Frame, FrameChain
from mammo.store.image_store import ImageStore

FRAME = Frame(96, 80, 8)
CHAIN = FrameChain((120, 90), False, Box(10, 100, 0, 70), 1.0, (-3, 4), FRAME)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ImageStore:
    rows, cols = np.mgrid[:90, :70]
    smooth = 2000 + 900 * np.sin(rows / 7) + 700 * np.cos(cols / 5)
    images = ImageStore(Path(tmp_path_factory.mktemp("store")))
    images.write("ab12", smooth.astype(np.uint16))
    return images


@pytest.mark.parametrize(
    "window", [CropWindow(40, 30, 20, 0), CropWindow(44.3, 33.7, 16, 25), CropWindow(45, 35, 9, -30)]
)
def test_equals_bilinear_reading_at_the_windows_points(store: ImageStore, window: CropWindow) -> None:
    n = 20
    found = patch(store, "ab12", CHAIN, window, n).astype(float)
    local = (np.stack(np.meshgrid(np.arange(n), np.arange(n), indexing="ij"), axis=-1) + 0.5) / n - 0.5
    points = window.to_frame(local) + CHAIN.origin - 0.5
    pixels = store.read("ab12", Box(0, 90, 0, 70)).astype(float)
    expected = map_coordinates(pixels, points.transpose(2, 0, 1), order=1)
    assert np.abs(found - expected).max() < 12  # OpenCV interpolates in steps of 1/32 px


def test_shrinking_patches_are_closer_to_the_area_mean_than_plain_reading(store: ImageStore, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (90, 70)).astype(np.uint16)
    noisy = ImageStore(tmp_path)
    noisy.write("cd34", noise)
    window = CropWindow(45 + 3, 35 - 4, 48, 0)
    chain = FrameChain((90, 70), False, Box(0, 90, 0, 70), 1.0, (0, 0), FRAME)
    found = patch(noisy, "cd34", chain, window, 32).astype(float)
    top, left = 48 - 24, 31 - 24
    fine = np.kron(noise[top : top + 48, left : left + 48], np.ones((2, 2)))
    area = fine.reshape(32, 3, 32, 3).mean(axis=(1, 3))
    local = (np.stack(np.meshgrid(np.arange(32), np.arange(32), indexing="ij"), axis=-1) + 0.5) / 32 - 0.5
    plain = map_coordinates(noise.astype(float), (window.to_frame(local) - 0.5).transpose(2, 0, 1), order=1)
    assert np.abs(found - area).mean() < 0.8 * np.abs(plain - area).mean()


def test_outside_the_image_is_background(store: ImageStore) -> None:
    assert not patch(store, "ab12", CHAIN, CropWindow(-60, -60, 20, 10), 16).any()


def test_windows_of_one_lesion_share_a_read_and_stay_equal(store: ImageStore) -> None:
    windows = np.array([[40, 30, 20, 0], [44, 33, 16, 25], [30, 40, 12, 0], [42, 28, 24, 0]], dtype=float)
    zeros = np.zeros(4, dtype=np.int64)
    plan = Plan(zeros, windows, zeros, np.array([0, 0, 0, -1]), np.arange(4))
    together = Reader(store, ["ab12"], [CHAIN], 16).patches(plan)
    alone = np.stack([patch(store, "ab12", CHAIN, plan.window(row), 16) for row in range(4)])
    assert np.array_equal(together, alone)
