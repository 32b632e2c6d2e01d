"""Lesions of a cohort: which breasts have lesions, and position, size and latent of each lesion of an image.

Position, size, outline and visibility are independent of the label; the label enters only the latent v, through
dials.local and dials.division. Each outlined lesion is visible in one view only.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import DENSITY_SHARES, BreastShape
from mammo.phantoms.placement import Site, place_lesions
from mammo.phantoms.randomness import Key, Purpose
from mammo.phantoms.spec import CohortSpec
from mammo.records import Laterality, Pathology

COUNT_SHARES = (0.70, 0.23, 0.07)
"""Shares of images of an affected breast with 1, 2 and 3 lesions."""

FINDING_SHARES = (0.45, 0.05, 0.50)
"""Shares of masses, architectural distortions and clusters of calcifications. Clusters are as frequent as masses,
because a context network, which sees whole images, classifies them less well."""

RADIUS_PX, RADIUS_SPREAD = 115.0, 0.18
"""Median radius of a lesion, full-size px, and SD of its logarithm."""


class Finding(StrEnum):
    """Kinds of lesion."""

    MASS = "mass"
    DISTORTION = "distortion"
    CALCIFICATION = "calcification"


@dataclass(frozen=True)
class Breast:
    """One breast of one patient.

    Attributes:
        key: owner of its random numbers.
        worst: its worst lesion, NONE for a negative breast.
        density: 0 to 3 for A to D, the same in both breasts of a patient.
        context: latent c; above 0 the malignant direction, below 0 the benign one.
        local: strength of the signal in its lesions' own appearance; dials.local on average.
    """

    key: Key
    worst: Pathology
    density: int
    context: float
    local: float


@dataclass(frozen=True)
class Lesion:
    """One lesion of one image.

    Attributes:
        number: from 1, within the image.
        finding: mass, distortion or calcification.
        label: malignant or benign.
        latent: v in (0, 1); larger looks more malignant.
        site: center and radius, full-size px of the right-facing frame.
        contrast: brightness added to the tissue around it, as a share of that tissue's.
    """

    number: int
    finding: Finding
    label: Pathology
    latent: float
    site: Site
    contrast: float


def draw_breast(spec: CohortSpec, patient: int, laterality: Laterality) -> Breast:
    """Draw a breast's worst lesion, density, context latent and local signal strength; patients count from 1."""
    density_rng = Key(spec.seed, patient).rng(Purpose.PATIENT)
    key = Key(spec.seed, patient, laterality)
    rng = key.rng(Purpose.BREAST)
    u, noise, by_lesions = rng.random(), rng.standard_normal(), rng.random() < 0.5
    share = spec.dials.division if by_lesions else -spec.dials.division
    if u < spec.mix.negative:
        worst, shift = Pathology.NONE, 0.0
    elif u < spec.mix.negative + spec.mix.benign:
        worst, shift = Pathology.BENIGN, -0.5
    else:
        worst, shift = Pathology.MALIGNANT, 0.5
    density = int(density_rng.choice(4, p=DENSITY_SHARES))
    context = spec.dials.context * (1 - share) * shift + noise
    return Breast(key, worst, density, float(context), spec.dials.local * (1 + share))


def draw_lesions(breast: Breast, key: Key, shape: BreastShape) -> tuple[Lesion, ...]:
    """Draw the lesions of one image of the breast; none if it is negative.

    One lesion has the breast's label; each further one is malignant with probability 1/2 in a malignant breast, else
    benign. Labels are assigned to sites last and at random, so that no site carries information on the label.
    """
    if breast.worst is Pathology.NONE:
        return ()
    rng = key.rng(Purpose.FINDINGS)
    count = 1 + int(rng.choice(3, p=COUNT_SHARES))
    radii = RADIUS_PX * np.exp(np.clip(RADIUS_SPREAD * rng.standard_normal(3), -0.4, 0.4))
    sites = place_lesions(rng, shape, radii[:count])
    further = rng.random(3) < 0.5
    order = rng.permutation(len(sites))
    draws = rng.random((3, 2)), rng.standard_normal(3)
    return tuple(
        _lesion(breast, i, sites[i], _label(breast, int(order[i]), further), *(draw[i] for draw in draws))
        for i in range(len(sites))
    )


def _label(breast: Breast, rank: int, further: NDArray[np.bool_]) -> Pathology:
    malignant = breast.worst is Pathology.MALIGNANT and (rank == 0 or bool(further[rank]))
    return Pathology.MALIGNANT if malignant else Pathology.BENIGN


def _lesion(breast: Breast, index: int, site: Site, label: Pathology, u: NDArray[np.float64], noise: float) -> Lesion:
    m = breast.local * (0.5 if label is Pathology.MALIGNANT else -0.5) + float(noise)
    finding = list(Finding)[int(np.searchsorted(np.cumsum(FINDING_SHARES[:-1]), u[0], side="right"))]
    return Lesion(index + 1, finding, label, 1 / (1 + exp(-1.7 * m)), site, 0.34 + 0.16 * float(u[1]))
