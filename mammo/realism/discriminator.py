"""A critic who is to tell real from synthetic patches by fixed numbers of their texture: ridge logistic regression.

Each real image is left out once, together with a share of the synthetic patients, and the critic who never saw them
scores their patches. An AUC near 1/2 means that the critic cannot tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mammo.realism.breasts import BreastImage
from mammo.realism.texture_features import NAMES, texture
from mammo.records import Floats, MammoError
from mammo.scoring.metrics import auc

PATCH_PX = 256
"""Side of a patch, full-size px."""

MOST = 60
"""Patches of one image that are looked at: neighbours overlap by half, and tell little new."""

RIDGE = 1.0
"""Weight of the squared coefficients of standardised numbers beside the summed loss of one patch of each kind."""


@dataclass(frozen=True, eq=False)
class Patches:
    """The patches of one image: numbers [n, len(NAMES)], and whose they are."""

    numbers: Floats
    patient: str


@dataclass(frozen=True)
class Telltale:
    """What one number alone tells.

    Attributes:
        name: of NAMES.
        auc: AUC of calling a patch synthetic by this number alone, the better way round, 1/2 to 1.
        real: median over real patches.
        synthetic: median over synthetic patches.
    """

    name: str
    auc: float
    real: float
    synthetic: float


@dataclass(frozen=True)
class Verdict:
    """How well the critic tells synthetic from real patches.

    Attributes:
        aucs: AUC of each real image left out, against the synthetic patients left out with it.
        telltales: what single numbers tell, the most telling first.
        n_real: real patches.
        n_synthetic: synthetic patches.
    """

    aucs: tuple[float, ...]
    telltales: tuple[Telltale, ...]
    n_real: int
    n_synthetic: int

    @property
    def auc(self) -> float:
        """Mean AUC over the real images."""
        return float(np.mean(self.aucs))


def patches(image: BreastImage) -> Patches:
    """The patches of an image that lie wholly on its breast, evenly picked where there are more than MOST."""
    squares = list(image.squares(PATCH_PX))
    numbers = [texture(image.grey[square]) for square in squares[:: ceil(len(squares) / MOST) or 1]]
    return Patches(np.reshape(numbers, (-1, len(NAMES))).astype(np.float64), image.patient)


def judge(real: Sequence[Patches], synthetic: Sequence[Patches]) -> Verdict:
    """Leave every real image out once and tell how well a critic scores its patches.

    Args:
        real: the real images; at least two with patches.
        synthetic: the synthetic images, of at least as many patients.

    Raises:
        MammoError: there are too few of either.
    """
    real, synthetic = ([one for one in side if len(one.numbers)] for side in (real, synthetic))
    patients = list(dict.fromkeys(one.patient for one in synthetic))
    if len(real) < 2 or len(patients) < len(real):
        raise MammoError(
            f"{len(real)} real images and {len(patients)} synthetic patients with patches are too few for a critic: "
            "give 2 real images and as many patients"
        )
    share = {patient: number % len(real) for number, patient in enumerate(patients)}
    aucs = []
    for out in range(len(real)):
        kept = [one.numbers for number, one in enumerate(real) if number != out]
        learnt = [one.numbers for one in synthetic if share[one.patient] != out]
        unseen = np.concatenate([one.numbers for one in synthetic if share[one.patient] == out])
        critic = _learn(np.concatenate(kept), np.concatenate(learnt))
        aucs.append(_told(critic.score(real[out].numbers), critic.score(unseen)))
    every = [np.concatenate([one.numbers for one in side]) for side in (real, synthetic)]
    return Verdict(tuple(aucs), _telltales(*every), len(every[0]), len(every[1]))


@dataclass(frozen=True, eq=False)
class _Critic:
    """Centre and spread of the numbers [k], their coefficients [k] and the intercept."""

    centre: Floats
    spread: Floats
    weights: Floats
    bias: float

    def score(self, numbers: Floats) -> Floats:
        """Probability [n] of being synthetic."""
        return np.asarray(expit((numbers - self.centre) / self.spread @ self.weights + self.bias))


def _learn(real: Floats, synthetic: Floats) -> _Critic:
    """Logistic regression in which both kinds count the same, however many patches there are of each."""
    every = np.concatenate([real, synthetic])
    centre, spread = every.mean(axis=0), np.maximum(every.std(axis=0), 1e-9)
    design = np.column_stack([(every - centre) / spread, np.ones(len(every))])
    sign = np.repeat([-1.0, 1.0], [len(real), len(synthetic)])
    share = np.repeat([0.5 / len(real), 0.5 / len(synthetic)], [len(real), len(synthetic)]) * len(every)
    ridge = np.append(np.full(real.shape[1], RIDGE), 0.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (design @ weights)
        slope = design.T @ (-share * sign * expit(-margin))
        return float(share @ np.logaddexp(0, -margin) + ridge @ weights**2 / 2), slope + ridge * weights

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x
    return _Critic(centre, spread, found[:-1], float(found[-1]))


def _told(real: Floats, synthetic: Floats) -> float:
    """AUC [0, 1] of scores [n] that should be higher for synthetic patches."""
    return auc(np.repeat([0, 1], [real.size, synthetic.size]), np.concatenate([real, synthetic]))


def _telltales(real: Floats, synthetic: Floats) -> tuple[Telltale, ...]:
    told = []
    for index, name in enumerate(NAMES):
        ours, theirs = synthetic[:, index], real[:, index]
        alone = _told(theirs, ours)
        told.append(Telltale(name, max(alone, 1 - alone), float(np.median(theirs)), float(np.median(ours))))
    return tuple(sorted(told, key=lambda one: -one.auc))
