"""Discriminator of real and synthetic patches: ridge logistic regression on texture features, tested on unseen images.

Each real image is left out once, together with a part of the synthetic patients; a discriminator trained on the others
scores their patches. An AUC near 1/2 means that it cannot distinguish them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mammo.realism.breast_images import BreastImage
from mammo.realism.measures import FEATURES, texture_features
from mammo.records import Floats, MammoError
from mammo.scoring.metrics import auc

PATCH_PX = 256
"""Side of a patch, full-size px."""

MAX_PATCHES = 60
"""Patches per image: neighbors overlap by half, so that more add little."""

RIDGE = 1.0
"""Weight of the squared coefficients (of standardized features), relative to the summed loss of one patch per class."""


@dataclass(frozen=True, eq=False)
class PatchFeatures:
    """Texture features of the patches of one image.

    Attributes:
        features: float64 [n, len(FEATURES)].
        patient: patient key.
    """

    features: Floats
    patient: str


@dataclass(frozen=True)
class FeatureAuc:
    """How well one feature alone separates synthetic from real patches.

    Attributes:
        name: of FEATURES.
        auc: AUC of the feature in its better direction, 1/2 to 1.
        real: median over real patches.
        synthetic: median over synthetic patches.
    """

    name: str
    auc: float
    real: float
    synthetic: float


@dataclass(frozen=True)
class DiscriminatorResult:
    """How well discriminators separate synthetic from real patches.

    Attributes:
        aucs: AUC for each real image left out, against the synthetic patients left out with it.
        features: AUC of each feature alone, largest first.
        n_real: number of real patches.
        n_synthetic: number of synthetic patches.
    """

    aucs: tuple[float, ...]
    features: tuple[FeatureAuc, ...]
    n_real: int
    n_synthetic: int

    @property
    def auc(self) -> float:
        """Mean AUC over the real images."""
        return float(np.mean(self.aucs))


def patch_features(image: BreastImage) -> PatchFeatures:
    """Features of the patches that lie entirely on the breast; an evenly spaced subset if more than MAX_PATCHES."""
    squares = list(image.squares(PATCH_PX))
    rows = [texture_features(image.gray[square]) for square in squares[:: ceil(len(squares) / MAX_PATCHES) or 1]]
    return PatchFeatures(np.reshape(rows, (-1, len(FEATURES))).astype(np.float64), image.patient)


def discriminate(real: Sequence[PatchFeatures], synthetic: Sequence[PatchFeatures]) -> DiscriminatorResult:
    """Leave each real image out once and score its patches with a discriminator that has not seen them.

    Args:
        real: the real images; at least two with patches.
        synthetic: the synthetic images, of at least as many patients.

    Raises:
        MammoError: there are too few real images or synthetic patients.
    """
    real, synthetic = ([image for image in side if len(image.features)] for side in (real, synthetic))
    patients = list(dict.fromkeys(image.patient for image in synthetic))
    if len(real) < 2 or len(patients) < len(real):
        raise MammoError(
            f"{len(real)} real images and {len(patients)} synthetic patients with patches are too few for a "
            "discriminator: give at least 2 real images and as many synthetic patients"
        )
    fold_of = {patient: number % len(real) for number, patient in enumerate(patients)}
    aucs = []
    for fold in range(len(real)):
        real_training = [image.features for number, image in enumerate(real) if number != fold]
        training = [image.features for image in synthetic if fold_of[image.patient] != fold]
        unseen = np.concatenate([image.features for image in synthetic if fold_of[image.patient] == fold])
        discriminator = _fit(np.concatenate(real_training), np.concatenate(training))
        aucs.append(_auc(discriminator.score(real[fold].features), discriminator.score(unseen)))
    all_real, all_synthetic = (np.concatenate([image.features for image in side]) for side in (real, synthetic))
    return DiscriminatorResult(tuple(aucs), _feature_aucs(all_real, all_synthetic), len(all_real), len(all_synthetic))


@dataclass(frozen=True, eq=False)
class _Discriminator:
    """Center and spread [k] of the features, their coefficients [k] and the intercept."""

    center: Floats
    spread: Floats
    weights: Floats
    bias: float

    def score(self, features: Floats) -> Floats:
        """Probability [n] that patches with features [n, k] are synthetic."""
        return np.asarray(expit((features - self.center) / self.spread @ self.weights + self.bias))


def _fit(real: Floats, synthetic: Floats) -> _Discriminator:
    """Logistic regression on features [n, k] that weights both classes equally, whatever their numbers of patches."""
    features = np.concatenate([real, synthetic])
    center, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-9)
    design = np.column_stack([(features - center) / spread, np.ones(len(features))])
    sign = np.repeat([-1.0, 1.0], [len(real), len(synthetic)])
    weight = np.repeat([0.5 / len(real), 0.5 / len(synthetic)], [len(real), len(synthetic)]) * len(features)
    ridge = np.append(np.full(real.shape[1], RIDGE), 0.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        """The weighted loss of coefficients and intercept [k + 1], and its gradient [k + 1]."""
        margin = sign * (design @ weights)
        gradient = design.T @ (-weight * sign * expit(-margin))
        return float(weight @ np.logaddexp(0, -margin) + ridge @ weights**2 / 2), gradient + ridge * weights

    fitted = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x
    return _Discriminator(center, spread, fitted[:-1], float(fitted[-1]))


def _auc(real: Floats, synthetic: Floats) -> float:
    """AUC [0, 1] of scores [n] that should be higher for synthetic patches."""
    return auc(np.repeat([0, 1], [real.size, synthetic.size]), np.concatenate([real, synthetic]))


def _feature_aucs(real: Floats, synthetic: Floats) -> tuple[FeatureAuc, ...]:
    aucs = []
    for index, name in enumerate(FEATURES):
        synthetic_values, real_values = synthetic[:, index], real[:, index]
        value = _auc(real_values, synthetic_values)
        medians = float(np.median(real_values)), float(np.median(synthetic_values))
        aucs.append(FeatureAuc(name, max(value, 1 - value), *medians))
    return tuple(sorted(aucs, key=lambda feature: -feature.auc))
