"""Changes of grey value: reproducible, within the scale, and no stronger than what was asked for."""

import numpy as np
import pytest

from mammo.data.augmentation import Intensity
from mammo.records import FULL_SCALE, MammoError

PATCH = np.random.default_rng(0).integers(1200, 2800, (40, 40)).astype(np.uint16)


def test_nothing_asked_is_nothing_done() -> None:
    assert np.array_equal(Intensity()(PATCH, seed=1), PATCH)


def test_a_seed_is_a_change() -> None:
    intensity = Intensity(brightness=0.2, contrast=0.2, noise=0.05)
    again = Intensity(brightness=0.2, contrast=0.2, noise=0.05)
    changed = intensity(PATCH, seed=1)
    assert changed.dtype == np.uint16
    assert not np.array_equal(changed, intensity(PATCH, seed=2))
    assert np.array_equal(changed, intensity(PATCH, seed=1))
    assert np.array_equal(changed, again(PATCH, seed=1))


def test_brightness_shifts_by_a_share_of_the_full_scale() -> None:
    shifts = [float(np.mean(Intensity(brightness=0.1)(PATCH, seed).astype(float) - PATCH)) for seed in range(60)]
    assert max(map(abs, shifts)) <= 0.1 * FULL_SCALE + 1
    assert max(shifts) > 0.05 * FULL_SCALE
    assert min(shifts) < -0.05 * FULL_SCALE
    one = Intensity(brightness=0.1)(PATCH, 0).astype(int) - PATCH
    assert np.ptp(one) <= 1  # the same shift everywhere


def test_noise_is_no_stronger_than_asked() -> None:
    spread = [float(np.std(Intensity(noise=0.02)(PATCH, seed).astype(float) - PATCH)) for seed in range(40)]
    assert 0.01 * FULL_SCALE < max(spread) < 0.02 * FULL_SCALE * 1.1


def test_values_stay_on_the_scale() -> None:
    ends = np.array([[0, FULL_SCALE]] * 2, np.uint16).repeat(8, axis=0).repeat(8, axis=1)
    for seed in range(20):
        assert Intensity(brightness=0.5, contrast=0.5, noise=0.2)(ends, seed).max() <= FULL_SCALE


@pytest.mark.parametrize("name", ["brightness", "contrast", "noise"])
@pytest.mark.parametrize("value", [-0.1, 1.5, "much", True])
def test_what_is_no_share_is_named(name: str, value: object) -> None:
    with pytest.raises(MammoError, match=rf"^intensity\.{name}={value}"):
        Intensity(**{name: value})  # type: ignore[arg-type]
