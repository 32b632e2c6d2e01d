import numpy as np
import pytest

from mammo.realism.breasts import BreastImage
from mammo.realism.discriminator import Patches, judge, patches
from mammo.realism.texture_features import NAMES
from mammo.records import MammoError


def images(n: int, shift: float, seed: int, first: int = 0) -> list[Patches]:
    """Images of one patient each, 40 patches of normal numbers, the fourth of them shifted."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((n, 40, len(NAMES)))
    drawn[..., 3] += shift
    return [Patches(numbers, str(first + number)) for number, numbers in enumerate(drawn)]


def test_two_halves_of_one_distribution_cannot_be_told_apart() -> None:
    verdicts = [judge(images(6, 0, seed), images(18, 0, 100 + seed)) for seed in range(6)]
    assert np.mean([verdict.auc for verdict in verdicts]) == pytest.approx(0.5, abs=0.03)


def test_what_differs_is_told_and_named() -> None:
    verdict = judge(images(4, 0, 0), images(12, 6, 1))
    assert verdict.auc > 0.99
    assert verdict.telltales[0].name == NAMES[3]
    assert verdict.telltales[0].auc > 0.99
    assert verdict.telltales[0].synthetic - verdict.telltales[0].real == pytest.approx(6, abs=0.4)
    assert (verdict.n_real, verdict.n_synthetic) == (160, 480)


def test_an_image_is_never_scored_by_a_critic_who_saw_it() -> None:
    # Every image has a number of its own that is the same in all of its patches: learnt by heart, it would tell.
    real, synthetic = images(5, 0, 2), images(40, 0, 3)
    for one in (*real, *synthetic):
        one.numbers[:] = np.random.default_rng(int(one.patient) + 1000 * (one in real)).standard_normal(len(NAMES))
    assert judge(real, synthetic).auc < 0.8


def test_too_few_images_are_refused() -> None:
    with pytest.raises(MammoError, match="1 real images and 5 synthetic patients"):
        judge(images(1, 0, 0), images(5, 0, 1))
    with pytest.raises(MammoError, match="too few"):
        judge(images(3, 0, 0), images(2, 0, 1))


def test_patches_lie_wholly_on_the_breast() -> None:
    grey = np.zeros((200, 120), np.float32)
    grey[20:180, :100] = 0.3 + 0.1 * np.random.default_rng(4).random((160, 100))
    found = patches(BreastImage(grey, 0.25, "p"))
    assert len(found.numbers) == 3 * 2  # 64 px, half overlapping: rows from 32, 64 and 96; columns from 0 and 32
    assert (found.numbers[:, NAMES.index("mean")] > 0.29).all()
