"""Intensity augmentation: reproducible, within the gray scale, and without changes of the geometry."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import albumentations as alb
import numpy as np
import pytest

from mammo.data.augmentation import IntensityAugmentation
from mammo.records import FULL_SCALE, MammoError
from tests.data.pipelines import gray_changes

PATCH = np.random.default_rng(0).integers(1200, 2800, (40, 40)).astype(np.uint16)


def test_a_pipeline_without_effect_keeps_the_patch() -> None:
    assert np.array_equal(gray_changes()(PATCH, seed=1), PATCH)


def test_equal_seeds_give_equal_changes() -> None:
    intensity, again = gray_changes(0.2, 0.2, 0.05), gray_changes(0.2, 0.2, 0.05)
    changed = intensity(PATCH, seed=1)
    assert changed.dtype == np.uint16
    assert not np.array_equal(changed, intensity(PATCH, seed=2))
    assert np.array_equal(changed, intensity(PATCH, seed=1))
    assert np.array_equal(changed, again(PATCH, seed=1))


NESTED = {
    "one transform": lambda: alb.RandomGamma(p=0.5),
    "nested": lambda: alb.Compose(
        [
            alb.OneOf([alb.RandomGamma(p=1.0), alb.GaussianBlur(p=1.0)], p=0.7),
            alb.SomeOf([alb.GaussNoise(p=1.0), alb.MultiplicativeNoise(p=1.0), alb.Sharpen(p=1.0)], n=2, p=0.8),
            alb.Sequential([alb.RandomBrightnessContrast(p=0.5)], p=0.6),
        ]
    ),
}


@pytest.mark.parametrize("make", NESTED.values(), ids=NESTED)
def test_any_pipeline_is_a_pure_function_of_patch_and_seed(make: Callable[[], alb.BasicTransform]) -> None:
    intensity, again = IntensityAugmentation(make()), IntensityAugmentation(make())
    seeds = range(40)
    forward = [intensity(PATCH, seed) for seed in seeds]
    backward = [again(PATCH, seed) for seed in reversed(seeds)][::-1]
    with ThreadPoolExecutor(3) as pool:
        threads = list(pool.map(lambda seed: intensity(PATCH, seed), seeds))
    for one, other, third in zip(forward, backward, threads, strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one, third)
    assert len({patch.tobytes() for patch in forward}) > 15


def test_brightness_shifts_by_a_fraction_of_the_full_scale() -> None:
    shifts = [float(np.mean(gray_changes(brightness=0.1)(PATCH, seed).astype(float) - PATCH)) for seed in range(60)]
    assert max(map(abs, shifts)) <= 0.1 * FULL_SCALE + 1
    assert max(shifts) > 0.05 * FULL_SCALE
    assert min(shifts) < -0.05 * FULL_SCALE
    one = gray_changes(brightness=0.1)(PATCH, 0).astype(int) - PATCH
    assert np.ptp(one) <= 1  # the same shift everywhere


def test_noise_is_no_stronger_than_configured() -> None:
    spread = [float(np.std(gray_changes(noise=0.02)(PATCH, seed).astype(float) - PATCH)) for seed in range(40)]
    assert 0.01 * FULL_SCALE < max(spread) < 0.02 * FULL_SCALE * 1.1


def test_values_stay_within_the_scale() -> None:
    ends = np.array([[0, FULL_SCALE]] * 2, np.uint16).repeat(8, axis=0).repeat(8, axis=1)
    intensity = gray_changes(0.5, 0.5, 0.2)
    for seed in range(20):
        assert intensity(ends, seed).max() <= FULL_SCALE


@pytest.mark.parametrize(
    "transform",
    [
        alb.HorizontalFlip(p=0.01),
        alb.Rotate(),
        alb.RandomCrop(8, 8),
        alb.GridDistortion(),
        alb.CoarseDropout(),
        alb.NoOp(),
        alb.ToTensorV2(),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_a_transform_that_can_move_or_remove_pixels_is_rejected(transform: alb.BasicTransform) -> None:
    named = rf"^intensity: {type(transform).__name__} is rejected, because .* geometry: choose transforms that only"
    for pipeline in (transform, alb.Compose([alb.OneOf([alb.RandomGamma(), alb.Sequential([transform])])])):
        with pytest.raises(MammoError, match=named):
            IntensityAugmentation(pipeline)


def test_an_elastic_transform_bends_a_patch_where_it_is() -> None:
    bend = IntensityAugmentation(alb.ElasticTransform(alpha=30, sigma=6, p=1))
    rows, cols = np.mgrid[:64, :64]
    moved = []
    for row, col in ((20, 20), (32, 40), (44, 30)):
        dot = (FULL_SCALE * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 18)).astype(np.uint16)
        for seed in range(20):
            bent = bend(dot, seed)
            assert bent.shape == dot.shape
            assert (bent == bend(dot, seed)).all()
            moved.append([(bent * rows).sum() / bent.sum() - row, (bent * cols).sum() / bent.sum() - col])
    assert 0.2 < np.abs(moved).mean() < 4
    assert np.abs(np.mean(moved, axis=0)).max() < 0.6, "no direction is preferred"


class OwnBend(alb.ElasticTransform):
    """A user's own subclass."""


def test_a_subclass_of_an_elastic_transform_is_one() -> None:
    patch = np.random.default_rng(0).integers(0, FULL_SCALE, (32, 32)).astype(np.uint16)
    assert (IntensityAugmentation(OwnBend(alpha=30, sigma=6, p=1))(patch, 0) != patch).any()


def test_a_transform_that_fails_on_patches_is_rejected() -> None:
    with pytest.raises(
        MammoError, match=r"^intensity: the pipeline fails on a float32 patch .*: choose transforms that accept"
    ):
        IntensityAugmentation(alb.ISONoise(p=0.9))
    with pytest.raises(
        MammoError, match=r"^intensity: a patch \[64, 64\] becomes \[64, 64, 3\]: choose transforms that keep the shape"
    ):
        IntensityAugmentation(alb.ToRGB(p=1.0))
