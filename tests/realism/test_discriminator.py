"""The discriminator on images with known feature distributions."""

import numpy as np
import pytest

from mammo.realism.breast_images import BreastImage
from mammo.realism.discriminator import PatchFeatures, discriminate, patch_features
from mammo.realism.measures import FEATURES
from mammo.records import MammoError


def images(n: int, shift: float, seed: int, first: int = 0) -> list[PatchFeatures]:
    """Images of one patient each, 40 patches with normally distributed features, the fourth of them shifted."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((n, 40, len(FEATURES)))
    drawn[..., 3] += shift
    return [PatchFeatures(features, str(first + number)) for number, features in enumerate(drawn)]


def test_images_of_one_distribution_cannot_be_distinguished() -> None:
    results = [discriminate(images(6, 0, seed), images(18, 0, 100 + seed)) for seed in range(6)]
    assert np.mean([result.auc for result in results]) == pytest.approx(0.5, abs=0.03)


def test_the_feature_that_differs_is_found() -> None:
    result = discriminate(images(4, 0, 0), images(12, 6, 1))
    assert result.auc > 0.99
    assert result.features[0].name == FEATURES[3]
    assert result.features[0].auc > 0.99
    assert result.features[0].synthetic - result.features[0].real == pytest.approx(6, abs=0.4)
    assert (result.n_real, result.n_synthetic) == (160, 480)


def test_an_image_is_never_scored_by_a_discriminator_trained_on_it() -> None:
    # All patches of an image share one random feature vector, which a discriminator trained on the image recognizes.
    real, synthetic = images(5, 0, 2), images(40, 0, 3)
    for image in (*real, *synthetic):
        image.features[:] = np.random.default_rng(int(image.patient) + 1000 * (image in real)).standard_normal(
            len(FEATURES)
        )
    assert discriminate(real, synthetic).auc < 0.8


def test_too_few_images_are_rejected() -> None:
    with pytest.raises(MammoError, match=r"^1 real images and 5 synthetic patients with patches are too few"):
        discriminate(images(1, 0, 0), images(5, 0, 1))
    with pytest.raises(MammoError, match=r"^3 real images and 2 synthetic patients with patches are too few"):
        discriminate(images(3, 0, 0), images(2, 0, 1))


def test_patches_lie_entirely_on_the_breast() -> None:
    gray = np.zeros((200, 120), np.float32)
    gray[20:180, :100] = 0.3 + 0.1 * np.random.default_rng(4).random((160, 100))
    found = patch_features(BreastImage(gray, 0.25, "p"))
    assert len(found.features) == 3 * 2  # 64 px, half overlapping: rows from 32, 64 and 96; columns from 0 and 32
    assert (found.features[:, FEATURES.index("mean")] > 0.29).all()
