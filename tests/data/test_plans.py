"""Plans are pure functions of seed, epoch and row."""

from dataclasses import replace

import numpy as np
import pytest

from mammo.data.plans import Plan, Quota, epoch_plan, lesion_plan
from mammo.data.sampling_index import SamplingIndex
from mammo.data.window_sampler import CropSizes
from mammo.geometry import Frame
from mammo.paper import TABLE_1
from mammo.records import MammoError, PatchClass, Pathology

FRAME, CROPS = Frame(96, 80, 8), CropSizes((12.0, 30.0), 16)
QUOTA = Quota(5, 7, 9, 11)


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


def test_the_windows_of_a_row_follow_each_other_and_the_first_ones_are_those_of_one(index: SamplingIndex) -> None:
    one, three = (epoch_plan(index, QUOTA, CROPS, 1, 0, n_windows=n) for n in (1, 3))
    assert np.array_equal(three.take(slice(None, None, 3)).windows, one.windows)
    assert np.array_equal(three.repeat, np.tile([0, 1, 2], len(one)))
    for name in ("image", "lesion", "target"):
        assert np.array_equal(getattr(three, name), np.repeat(getattr(one, name), 3))
    assert len(np.unique(three.windows, axis=0)) == len(three)
    assert np.array_equal(epoch_plan(index, QUOTA, CROPS, 1, 0, n_windows=2).windows, three.windows[three.repeat < 2])
