"""Plans are pure functions of seed, epoch and row; whole images have noise within the image and balanced groups."""

from dataclasses import replace

import numpy as np
import pytest

from mammo.data.plans import Plan, Quota, WindowNoise, epoch_plan, image_plan, lesion_plan, training_images
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.paper import TABLE_1
from mammo.records import MammoError, PatchClass, Pathology

FRAME, CROPS = Frame(96, 80, 8), CropSizes((12.0, 30.0), 16)
QUOTA = Quota(5, 7, 9, 11)

NOISE, NO_NOISE = WindowNoise(location_px=12, size_px=10), WindowNoise()


@pytest.fixture(scope="module")
def index() -> SamplingIndex:
    square = np.argwhere(np.ones((8, 8), dtype=bool)) + 0.5
    return SamplingIndex(
        frame=FRAME,
        pixels=[square + np.array([row, col]) for row, col in ((30, 20), (50, 30), (20, 40))],
        labels=[Pathology.MALIGNANT, Pathology.BENIGN, Pathology.NONE],
        image_of=np.array([0, 1, 1]),
        negative=np.array([False, False, True]),
        shows=np.array([[1, 0], [0, 1], [0, 0]]),
        breasts=np.array([[1, 0], [0, 1], [0, 0]]),
        unplaced=np.zeros(3, dtype=bool),
        extents=np.tile([[0.0, FRAME.height], [0.0, FRAME.width]], (3, 1, 1)),
        mlo=np.array([False, True, False]),
        tissue=np.full((3, *FRAME.grid), 255, np.uint8),
    )


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


@pytest.fixture(scope="module")
def papers_lesions() -> SamplingIndex:
    """As many training lesions as in the paper's Table 1, the malignant ones first, each on an image of its own."""
    _, _, _, n_benign, n_malignant = TABLE_1["train"]
    n_lesions = n_benign + n_malignant
    square = np.argwhere(np.ones((4, 4), dtype=bool)) + 40.5
    return SamplingIndex(
        frame=FRAME,
        pixels=[square] * n_lesions,
        labels=[Pathology.MALIGNANT] * n_malignant + [Pathology.BENIGN] * n_benign,
        image_of=np.arange(n_lesions),
        negative=np.zeros(n_lesions, dtype=bool),
        shows=np.stack([np.arange(n_lesions) < n_malignant, np.arange(n_lesions) >= n_malignant], axis=1).astype(int),
        breasts=np.zeros((n_lesions, 2), dtype=np.int64),
        unplaced=np.zeros(n_lesions, dtype=bool),
        extents=np.tile([[0.0, FRAME.height], [0.0, FRAME.width]], (n_lesions, 1, 1)),
        mlo=np.zeros(n_lesions, dtype=bool),
        tissue=np.full((n_lesions, *FRAME.grid), 255, np.uint8),
    )


def test_an_epoch_holds_the_quota_in_random_order(index: SamplingIndex) -> None:
    plan = epoch_plan(index, QUOTA, CROPS, seed=1, epoch=0)
    assert np.bincount(plan.target).tolist() == list(QUOTA.counts)
    assert (np.diff(plan.target) < 0).any()


def test_an_epoch_is_a_function_of_seed_and_epoch(index: SamplingIndex) -> None:
    digests = {
        (seed, epoch): epoch_plan(index, QUOTA, CROPS, seed, epoch).digest() for seed in (1, 2) for epoch in (0, 1)
    }
    assert len(set(digests.values())) == 4
    assert epoch_plan(index, QUOTA, CROPS, 2, 1).digest() == digests[2, 1]


def test_no_window_of_f_agg_is_one_of_f_loc_at_any_seed(index: SamplingIndex) -> None:
    plans = [
        epoch_plan(index, QUOTA, CROPS, seed, epoch, shared)
        for seed in range(10)
        for epoch in range(2)
        for shared in (False, True)
    ]
    assert len({plan.digest() for plan in plans}) == 40
    windows = np.concatenate([plan.windows for plan in plans])
    assert len(np.unique(windows, axis=0)) == len(windows)
    assert len({plan.target.tobytes() for plan in plans}) == 40, "the order of the classes is another one, too"


def test_f_agg_sees_as_many_lesions_as_independent_draws(papers_lesions: SamplingIndex) -> None:
    quota, n_epochs = Quota(20, 35, 0, 0), 30
    seen = np.concatenate(
        [epoch_plan(papers_lesions, quota, CROPS, 0, epoch, True).lesion for epoch in range(n_epochs)]
    )
    n_malignant, n_benign = TABLE_1["train"][4], TABLE_1["train"][3]
    counts = (np.unique(seen[seen < n_malignant]).size, np.unique(seen[seen >= n_malignant]).size)
    for count, n_lesions, per_epoch in zip(counts, (n_malignant, n_benign), (20, 35), strict=True):
        missed = (1 - 1 / n_lesions) ** (n_epochs * per_epoch)
        expected, variance = n_lesions * (1 - missed), n_lesions * missed * (1 - missed)
        assert abs(count - expected) < 3 * variance**0.5


def test_the_papers_quota_and_weights() -> None:
    quota = Quota()
    assert quota.counts == (20, 35, 5000, 4945)
    assert quota.class_weights == pytest.approx((500, 10000 / 35, 2, 10000 / 4945))


def test_a_class_without_patches_has_weight_zero() -> None:
    assert Quota(10, 0, 5, 5).class_weights[PatchClass.BENIGN] == 0


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((0, 0, 0, 0), r"^quota: all counts are 0: set at least one of malignant, benign, outside, negative$"),
        ((1, 1, -2, 1), r"^quota\.outside must be >= 0, got -2$"),
    ],
)
def test_impossible_quotas_are_rejected(counts: tuple[int, int, int, int], message: str) -> None:
    with pytest.raises(MammoError, match=message):
        Quota(*counts)


def test_lesion_windows_stay_the_same_in_any_subset(index: SamplingIndex) -> None:
    every = lesion_plan(index, CROPS, n_windows=6, seed=0)
    benign_only = replace(index, pixels=index.pixels[1:2], labels=index.labels[1:2], image_of=index.image_of[1:2])
    subset = lesion_plan(benign_only, CROPS, n_windows=6, seed=0)
    assert np.array_equal(every.windows[every.target == PatchClass.BENIGN], subset.windows)


def test_a_smaller_number_of_windows_gives_the_first_of_a_larger(index: SamplingIndex) -> None:
    few, many = (lesion_plan(index, CROPS, n, seed=0) for n in (4, 9))
    assert np.array_equal(few.windows, many.take(many.repeat < 4).windows)


def test_lesions_without_a_label_are_not_scored(index: SamplingIndex) -> None:
    assert set(lesion_plan(index, CROPS, 2, 0).lesion.tolist()) == {0, 1}


def test_take_keeps_rows_together(index: SamplingIndex) -> None:
    plan = epoch_plan(index, QUOTA, CROPS, 0, 0)
    part: Plan = plan.take([3, 1])
    assert part.window(0) == plan.window(3)
    assert part.target.tolist() == plan.target[[3, 1]].tolist()


def test_targets_are_the_labels_of_the_lesions_shown(image_index: SamplingIndex) -> None:
    plan = image_plan(image_index, "image")
    assert plan.target.tolist() == [[1, 0], *[[0, 1]] * 4, *[[0, 0]] * 7]
    assert plan.windows.tolist() == [[48.0, 40.0, 96.0, 0.0]] * 12


def test_every_image_comes_once_in_an_order_set_by_seed_and_epoch(image_index: SamplingIndex) -> None:
    plan = training_images(image_index, seed=0, epoch=3, noise=NO_NOISE, balanced=False, labels="image")
    assert sorted(plan.image.tolist()) == list(range(12))
    assert np.array_equal(plan.target, image_plan(image_index, "image").target[plan.image])
    assert np.array_equal(plan.windows, image_plan(image_index, "image").windows)
    assert plan.digest() == training_images(image_index, 0, 3, NO_NOISE, False, "image").digest()
    assert plan.digest() != training_images(image_index, 0, 4, NO_NOISE, False, "image").digest()


def test_the_labels_of_a_breast_replace_those_of_its_images(image_index: SamplingIndex) -> None:
    """Image 5 shows nothing, but a lesion of its breast is outlined on image 0."""
    of_image, of_breast = (image_plan(image_index, level).target for level in ("image", "breast"))
    assert np.flatnonzero((of_image != of_breast).any(axis=1)).tolist() == [5]
    assert (of_image[5].tolist(), of_breast[5].tolist()) == ([0, 0], [1, 0])
    plan = training_images(image_index, 0, 0, NO_NOISE, balanced=True, labels="breast")
    assert np.array_equal(plan.target, of_breast[plan.image])
    assert plan.target.sum(axis=0).tolist() == [4, 4]
    assert {0, 5} <= set(plan.image.tolist())


def test_noise_moves_and_resizes_windows_within_the_image(image_index: SamplingIndex) -> None:
    plans = [training_images(image_index, 0, epoch, NOISE, False, "image") for epoch in range(60)]
    windows = np.concatenate([plan.windows for plan in plans])
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
def test_a_small_image_is_padded_as_gmic_pads(image_index: SamplingIndex, mlo: bool, row: float) -> None:
    small = replace(image_index, extents=np.tile([[0.0, 90.0], [0.0, 70.0]], (12, 1, 1)), mlo=np.full(12, mlo))
    windows = training_images(small, 0, 0, NO_NOISE, balanced=False, labels="image").windows
    assert windows[:, 0].tolist() == [row] * 12, "padded above and below a CC, below an MLO"
    assert windows[:, 1].tolist() == [40.0] * 12, "padded on the nipple's side"


def test_balanced_plans_show_every_group_equally_often(image_index: SamplingIndex) -> None:
    plan = training_images(image_index, seed=0, epoch=0, noise=NO_NOISE, balanced=True, labels="image")
    groups = [tuple(row) for row in plan.target.tolist()]
    assert {group: groups.count(group) for group in groups} == {(1, 0): 4, (0, 1): 4, (0, 0): 4}
    benign = plan.image[plan.target[:, 1] == 1]
    assert sorted(benign.tolist()) == [1, 2, 3, 4]


def test_a_split_without_malignant_images_is_balanced_over_the_other_groups(image_index: SamplingIndex) -> None:
    benign = replace(
        image_index,
        shows=image_index.shows.sum(axis=1, keepdims=True) * [0, 1] + (np.arange(12) == 5)[:, None] * [0, 1],
    )
    plan = training_images(benign, 0, 0, NO_NOISE, balanced=True, labels="image")
    assert plan.target.sum(axis=0).tolist() == [0, 6]


def test_negative_noise_is_rejected() -> None:
    with pytest.raises(MammoError, match=r"^frame\.noise\.location_px must be >= 0, got -1$"):
        WindowNoise(location_px=-1)
