"""Plans of whole images: targets, window noise within the image, balanced groups, and reproducible rows."""

from dataclasses import replace

import numpy as np
import pytest

from mammo.data.crops import image_box, resize_to_frame
from mammo.data.image_plans import WindowNoise, image_plan, training_images
from mammo.data.sampling_index import SamplingIndex
from mammo.geometry import Box, Frame, FrameChain
from mammo.records import FULL_SCALE, MammoError, Pathology

FRAME = Frame(96, 80, 8)
NOISE, NO_NOISE = WindowNoise(location_px=12, size_px=10), WindowNoise()


@pytest.fixture(scope="module")
def index() -> SamplingIndex:
    """Twelve images: 0 shows a malignant lesion, 1 to 4 benign ones, the rest none; all larger than the window."""
    pixel = np.array([[40.5, 30.5]])
    return SamplingIndex(
        frame=FRAME,
        pixels=[pixel] * 6,
        labels=[Pathology.MALIGNANT, Pathology.BENIGN, *[Pathology.BENIGN] * 3, Pathology.NONE],
        image_of=np.array([0, 1, 2, 3, 4, 5]),
        negative=np.arange(12) > 5,
        shows=np.stack([np.arange(12) == 0, (np.arange(12) > 0) & (np.arange(12) < 5)], axis=1).astype(np.int64),
        unplaced=np.zeros(12, dtype=bool),
        extents=np.tile([[-30.0, 120.0], [0.0, 100.0]], (12, 1, 1)),
        mlo=np.arange(12) % 2 == 1,
        tissue=np.full((12, *FRAME.grid), 255, np.uint8),
    )


def test_targets_are_the_labels_of_the_lesions_shown(index: SamplingIndex) -> None:
    plan = image_plan(index)
    assert plan.target.tolist() == [[1, 0], *[[0, 1]] * 4, *[[0, 0]] * 7]
    assert plan.windows.tolist() == [[48.0, 40.0, 96.0, 0.0]] * 12


def test_every_image_comes_once_in_an_order_set_by_seed_and_epoch(index: SamplingIndex) -> None:
    plan = training_images(index, seed=0, epoch=3, noise=NO_NOISE, balanced=False)
    assert sorted(plan.image.tolist()) == list(range(12))
    assert np.array_equal(plan.target, image_plan(index).target[plan.image])
    assert np.array_equal(plan.windows, image_plan(index).windows)
    assert plan.digest() == training_images(index, 0, 3, NO_NOISE, False).digest()
    assert plan.digest() != training_images(index, 0, 4, NO_NOISE, False).digest()


def test_noise_moves_and_resizes_windows_within_the_image(index: SamplingIndex) -> None:
    windows = np.concatenate([training_images(index, 0, epoch, NOISE, False).windows for epoch in range(60)])
    row, col, height = windows[:, 0], windows[:, 1], windows[:, 2]
    width = height * 80 / 96
    assert (row - height / 2 >= -30 - 1e-9).all()
    assert (row + height / 2 <= 120 + 1e-9).all()
    assert (col - width / 2 >= -1e-9).all()
    assert (col + width / 2 <= 100 + 1e-9).all()
    assert 86 <= height.min() < 88
    assert 104 < height.max() <= 106
    assert np.abs(row - 48).max() > 11
    assert (col >= 40 - 5).all(), "the chest wall is the border of the image, so windows move only away from it"


@pytest.mark.parametrize(("mlo", "row"), [(False, 45.0), (True, 48.0)])
def test_a_small_image_is_padded_as_gmic_pads(index: SamplingIndex, mlo: bool, row: float) -> None:
    small = replace(index, extents=np.tile([[0.0, 90.0], [0.0, 70.0]], (12, 1, 1)), mlo=np.full(12, mlo))
    windows = training_images(small, 0, 0, NO_NOISE, balanced=False).windows
    assert windows[:, 0].tolist() == [row] * 12, "padded above and below a CC, below an MLO"
    assert windows[:, 1].tolist() == [40.0] * 12, "padded on the nipple's side"


def test_balanced_plans_show_every_group_equally_often(index: SamplingIndex) -> None:
    plan = training_images(index, seed=0, epoch=0, noise=NO_NOISE, balanced=True)
    groups = [tuple(row) for row in plan.target.tolist()]
    assert {group: groups.count(group) for group in groups} == {(1, 0): 4, (0, 1): 4, (0, 0): 4}
    benign = plan.image[plan.target[:, 1] == 1]
    assert sorted(benign.tolist()) == [1, 2, 3, 4]


def test_a_split_without_malignant_images_is_balanced_over_the_other_groups(index: SamplingIndex) -> None:
    benign = replace(
        index, shows=index.shows.sum(axis=1, keepdims=True) * [0, 1] + (np.arange(12) == 5)[:, None] * [0, 1]
    )
    plan = training_images(benign, 0, 0, NO_NOISE, balanced=True)
    assert plan.target.sum(axis=0).tolist() == [0, 6]


def test_negative_noise_is_rejected() -> None:
    with pytest.raises(MammoError, match=r"^frame\.noise\.location_px must be >= 0, got -1$"):
        WindowNoise(location_px=-1)


def test_an_image_window_is_read_and_resized_to_the_frame() -> None:
    chain = FrameChain((300, 300), False, Box(0, 200, 0, 200), 1.0, (10, 5), FRAME)
    whole = image_box(np.array([48.0, 40.0, 96.0, 0.0]), chain)
    assert (whole.row0, whole.row1, whole.col0, whole.col1) == (10, 106, 5, 85)
    larger = image_box(np.array([50.0, 40.0, 120.0, 0.0]), chain)
    assert (larger.height, larger.width) == (120, 100)
    pixels = np.random.default_rng(0).integers(0, FULL_SCALE + 1, (96, 80)).astype(np.uint16)
    assert resize_to_frame(pixels, FRAME) is pixels
    steep = np.zeros((120, 100), np.uint16)
    steep[:, 50:] = FULL_SCALE
    resized = resize_to_frame(steep, FRAME)
    assert resized.shape == (96, 80)
    assert resized.max() == FULL_SCALE
    assert (resized[:, :38] < 100).all()
    assert (resized[:, 42:] > FULL_SCALE - 400).all()
