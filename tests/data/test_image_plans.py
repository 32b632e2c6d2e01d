"""Plans of whole images: noise within the image, balanced groups, and exams with and without findings."""

from dataclasses import replace

import numpy as np
import pytest

from mammo.data.image_plans import ImageSampling, WindowNoise, image_plan, training_images
from mammo.data.plans import Plan
from mammo.data.sampling_index import LabelLevel, SamplingIndex
from mammo.geometry import Frame
from mammo.records import MammoError, Pathology

FRAME = Frame(96, 80, 8)
NOISE, NO_NOISE = WindowNoise(location_px=12, size_px=10), WindowNoise()
EXAMS = np.array(["a", "a", "b", "b", "b", "c", "c", "d", "d", "d", "", ""], dtype=object)
"""Exams of the twelve images: a and b have findings; c, d and the two images without an exam have none."""


def drawn(
    index: SamplingIndex,
    seed: int = 0,
    epoch: int = 0,
    noise: WindowNoise = NO_NOISE,
    sampling: ImageSampling = ImageSampling.ALL,
    labels: LabelLevel = "image",
) -> Plan:
    """The training images of an epoch."""
    return training_images(index, EXAMS, seed, epoch, noise, sampling, labels)


@pytest.fixture(scope="module")
def image_index() -> SamplingIndex:
    """Twelve images: 0 shows a malignant lesion, 1 to 4 benign ones, the rest none; all larger than the window.

    Image 5 is of the breast of image 0.
    """
    pixel = np.array([[40.5, 30.5]])
    return SamplingIndex(
        frame=FRAME,
        pixels=[pixel] * 6,
        labels=[Pathology.MALIGNANT, Pathology.BENIGN, *[Pathology.BENIGN] * 3, Pathology.NONE],
        image_of=np.array([0, 1, 2, 3, 4, 5]),
        negative=np.arange(12) > 5,
        shows=np.stack([np.arange(12) == 0, (np.arange(12) > 0) & (np.arange(12) < 5)], axis=1).astype(np.int64),
        breasts=np.array([[1, 0], *[[0, 1]] * 4, [1, 0], *[[0, 0]] * 6]),
        unplaced=np.zeros(12, dtype=bool),
        extents=np.tile([[-30.0, 120.0], [0.0, 100.0]], (12, 1, 1)),
        mlo=np.arange(12) % 2 == 1,
        tissue=np.full((12, *FRAME.grid), 255, np.uint8),
    )


def test_targets_are_the_labels_of_the_lesions_shown(image_index: SamplingIndex) -> None:
    plan = image_plan(image_index, "image")
    assert plan.target.tolist() == [[1, 0], *[[0, 1]] * 4, *[[0, 0]] * 7]
    assert plan.windows.tolist() == [[48.0, 40.0, 96.0, 80.0]] * 12


def test_every_image_comes_once_in_an_order_set_by_seed_and_epoch(image_index: SamplingIndex) -> None:
    plan = drawn(image_index, epoch=3)
    assert sorted(plan.image.tolist()) == list(range(12))
    assert np.array_equal(plan.target, image_plan(image_index, "image").target[plan.image])
    assert np.array_equal(plan.windows, image_plan(image_index, "image").windows)
    assert plan.digest() == drawn(image_index, epoch=3).digest()
    assert plan.digest() != drawn(image_index, epoch=4).digest()


def test_noise_moves_and_resizes_windows_within_the_image(image_index: SamplingIndex) -> None:
    windows = np.concatenate([drawn(image_index, epoch=epoch, noise=NOISE).windows for epoch in range(60)])
    row, col, height = windows[:, 0], windows[:, 1], windows[:, 2]
    width = windows[:, 3]
    assert np.allclose(width, height * 80 / 96)
    assert (row - height / 2 >= -30 - 1e-9).all()
    assert (row + height / 2 <= 120 + 1e-9).all()
    assert (col - width / 2 >= -1e-9).all()
    assert (col + width / 2 <= 100 + 1e-9).all()
    assert 86 <= height.min() < 88
    assert 104 < height.max() <= 106
    assert np.abs(row - 48).max() > 11
    assert (col >= 40 - 5).all(), "the chest wall is the border of the image, so windows move only away from it"


@pytest.mark.parametrize(("mlo", "row"), [(False, 45.0), (True, 48.0)])
def test_a_small_image_is_padded_as_gmic_pads(image_index: SamplingIndex, mlo: bool, row: float) -> None:
    small = replace(image_index, extents=np.tile([[0.0, 90.0], [0.0, 70.0]], (12, 1, 1)), mlo=np.full(12, mlo))
    windows = drawn(small).windows
    assert windows[:, 0].tolist() == [row] * 12, "padded above and below a CC, below an MLO"
    assert windows[:, 1].tolist() == [40.0] * 12, "padded on the nipple's side"


def test_balanced_plans_show_every_group_equally_often(image_index: SamplingIndex) -> None:
    plan = drawn(image_index, sampling=ImageSampling.BALANCED)
    groups = [tuple(row) for row in plan.target.tolist()]
    assert {group: groups.count(group) for group in groups} == {(1, 0): 4, (0, 1): 4, (0, 0): 4}
    benign = plan.image[plan.target[:, 1] == 1]
    assert sorted(benign.tolist()) == [1, 2, 3, 4]


def test_a_split_without_malignant_images_is_balanced_over_the_other_groups(image_index: SamplingIndex) -> None:
    benign = replace(
        image_index,
        shows=image_index.shows.sum(axis=1, keepdims=True) * [0, 1] + (np.arange(12) == 5)[:, None] * [0, 1],
    )
    plan = drawn(benign, sampling=ImageSampling.BALANCED)
    assert plan.target.sum(axis=0).tolist() == [0, 6]


def test_negative_noise_is_rejected() -> None:
    with pytest.raises(MammoError, match=r"^frame\.noise\.location_px must be >= 0, got -1$"):
        WindowNoise(location_px=-1)


def test_size_noise_that_could_leave_nothing_of_a_window_is_rejected(image_index: SamplingIndex) -> None:
    with pytest.raises(
        MammoError, match=r"^frame\.noise\.size_px=48: give less than half the height of the window, 96"
    ):
        drawn(image_index, noise=WindowNoise(size_px=48))


def test_borders_move_by_themselves_within_their_reach_and_the_image(image_index: SamplingIndex) -> None:
    noise = WindowNoise(location_px=0, size_px=12, borders=True)
    windows = np.concatenate([drawn(image_index, epoch=epoch, noise=noise).windows for epoch in range(100)])
    row, col, height, width = windows.T
    moved = np.stack([row - height / 2, row + height / 2 - 96, col - width / 2, col + width / 2 - 80])
    assert np.abs(moved).max(axis=1) == pytest.approx([12, 12, 10, 10], abs=0.2)
    assert moved[2].min() == 0, "the chest wall is the border of the image: that border moves inward only"
    assert (moved[2] == 0).mean() == pytest.approx(0.5, abs=0.05), "half of its draws are outward, and stay there"
    inside = np.abs(np.corrcoef(moved))
    assert inside[~np.eye(4, dtype=bool)].max() < 0.1, "independent of each other"
    assert np.abs(moved[[0, 1, 3]].mean(axis=1)).max() < 0.7


def test_borders_move_around_the_shifted_window(image_index: SamplingIndex) -> None:
    noise = WindowNoise(location_px=12, size_px=2, borders=True)
    row, col, height, width = drawn(image_index, noise=noise).windows.T
    assert np.abs(row - 48).max() > 6
    assert (np.abs(height - 96) <= 4).all()
    assert (col + width / 2 <= 100).all()


def test_a_border_of_a_small_image_moves_no_further_out(image_index: SamplingIndex) -> None:
    small = replace(image_index, extents=np.tile([[0.0, 90.0], [0.0, 70.0]], (12, 1, 1)), mlo=np.full(12, True))
    row, col, height, width = drawn(small, noise=WindowNoise(0, 10, borders=True)).windows.T
    assert ((row - height / 2 >= 0) & (row + height / 2 <= 96)).all(), "padded below, as without noise"
    assert ((col - width / 2 >= 0) & (col + width / 2 <= 80)).all()


def test_exams_with_findings_come_whole_with_as_many_others(image_index: SamplingIndex) -> None:
    exam_of = {row: exam or f"own {row}" for row, exam in enumerate(EXAMS.tolist())}
    seen: set[str] = set()
    for epoch in range(40):
        rows = drawn(image_index, epoch=epoch, sampling=ImageSampling.EXAMS).image.tolist()
        found = {exam_of[row] for row in rows}
        assert sorted(rows) == [row for row in range(12) if exam_of[row] in found], "every image of an exam, once"
        assert {"a", "b"} <= found
        assert len(found) == 4
        seen |= found
    assert seen == set(exam_of.values()), "the others are drawn anew in every epoch"


def test_all_exams_come_where_few_are_without_findings(image_index: SamplingIndex) -> None:
    exams = np.array(["a", "b", "c", "d", "e", *["f"] * 7], dtype=object)
    plan = training_images(image_index, exams, 0, 0, NO_NOISE, ImageSampling.EXAMS, "image")
    assert sorted(plan.image.tolist()) == list(range(12))


def test_sampling_by_exam_needs_an_exam_with_a_finding(image_index: SamplingIndex) -> None:
    with pytest.raises(MammoError, match=r"^image_sampling=exams: no training exam has .*; choose all$"):
        drawn(replace(image_index, shows=np.zeros_like(image_index.shows)), sampling=ImageSampling.EXAMS)


def test_the_labels_of_a_breast_replace_those_of_its_images(image_index: SamplingIndex) -> None:
    """Image 5 shows nothing, but a lesion of its breast is outlined on image 0."""
    of_image, of_breast = (image_plan(image_index, level).target for level in ("image", "breast"))
    assert np.flatnonzero((of_image != of_breast).any(axis=1)).tolist() == [5]
    assert (of_image[5].tolist(), of_breast[5].tolist()) == ([0, 0], [1, 0])
    plan = drawn(image_index, sampling=ImageSampling.BALANCED, labels="breast")
    assert np.array_equal(plan.target, of_breast[plan.image])
    assert plan.target.sum(axis=0).tolist() == [4, 4]
    assert {0, 5} <= set(plan.image.tolist())
    exams = drawn(image_index, sampling=ImageSampling.EXAMS, labels="breast")
    assert {"a", "b", "c"} <= {EXAMS[row] for row in exams.image.tolist()}, "image 5 is of exam c"
