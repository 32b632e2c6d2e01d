"""Lesions of a cohort: which breasts have lesions, and position, size and latent of each lesion of an image.

Position, size, outline and visibility are independent of the label; the label enters only the latent v, through
dials.local and dials.division. In a share dials.ipsi of the breasts the two views have one label and the same
findings, each with one v. In the other breasts the views have nothing in common but whether the breast has lesions:
label, lesions and cues are drawn for each view.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import DENSITY_SHARES, BreastShape, draw_shape
from mammo.phantoms.placement import Site, place_again, place_lesions
from mammo.phantoms.spec import CohortSpec, Key, Mix, Purpose
from mammo.records import Laterality, Pathology, View

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
    """One breast of one patient, as one view shows it.

    Attributes:
        key: owner of the random numbers of its lesions: the breast if both views show the same ones, else the image.
        worst: its worst lesion, NONE for a negative breast.
        density: 0 to 3 for A to D, the same in both breasts of a patient.
        context: latent c of this view; above 0 the malignant direction, below 0 the benign one.
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
        number: from 1, within the image; a finding has the same number in both views.
        finding: mass, distortion or calcification.
        label: malignant or benign.
        latent: v in (0, 1); larger looks more malignant.
        site: center and radius, full-size px of the right-facing frame.
        contrast: brightness added to the tissue around it, as a share of that tissue's.
        breast: owner of the random numbers that both its views share; None if only this view can show it.
    """

    number: int
    finding: Finding
    label: Pathology
    latent: float
    site: Site
    contrast: float
    breast: Key | None = None


def draw_breast(spec: CohortSpec, patient: int, laterality: Laterality, view: View) -> Breast:
    """Draw a breast's worst lesion, density and latents, as one view shows them; patients count from 1."""
    dials, breast, image = spec.dials, Key(spec.seed, patient, laterality), Key(spec.seed, patient, laterality, view)
    u, _, by_lesions = _draws(breast)
    own_u, noise, own_division = _draws(image)
    two_views = breast.rng(Purpose.TWO_VIEWS).random() < dials.ipsi
    if not two_views and u >= spec.mix.negative:
        u, by_lesions = spec.mix.negative + own_u * (1 - spec.mix.negative), own_division
    share = dials.division if by_lesions else -dials.division
    worst, shift = _worst(spec.mix, u)
    density = int(Key(spec.seed, patient).rng(Purpose.PATIENT).choice(4, p=DENSITY_SHARES))
    common = replace(image, laterality=None).rng(Purpose.BOTH_BREASTS).standard_normal()
    context = dials.context * (1 - share) * shift + sqrt(1 - dials.contra) * noise + sqrt(dials.contra) * common
    return Breast(breast if two_views else image, worst, density, float(context), dials.local * (1 + share))


def _draws(owner: Key) -> tuple[float, float, bool]:
    """Draw what decides the worst lesion, in [0, 1), normal noise of the cues, and the sign of dials.division."""
    rng = owner.rng(Purpose.BREAST)
    return rng.random(), rng.standard_normal(), rng.random() < 0.5


def _worst(mix: Mix, u: float) -> tuple[Pathology, float]:
    """Return the worst lesion for u in [0, 1), and its sign in the latents: -1/2, 0 or 1/2."""
    if u < mix.negative:
        return Pathology.NONE, 0.0
    return (Pathology.BENIGN, -0.5) if u < mix.negative + mix.benign else (Pathology.MALIGNANT, 0.5)


def draw_lesions(breast: Breast, view: View, shape: BreastShape) -> tuple[Lesion, ...]:
    """Draw the lesions of one image of the breast; none if it is negative.

    Findings of both views are drawn in CC and then placed in MLO, where one without room is left out.
    """
    if breast.worst is Pathology.NONE:
        return ()
    if breast.key.view is not None or view is View.CC:
        return _draw_lesions(breast, shape)
    first = draw_shape(replace(breast.key, view=View.CC))
    lesions = _draw_lesions(breast, first)
    sites = place_again(breast.key.rng(Purpose.OTHER_VIEW), [lesion.site for lesion in lesions], first, shape)
    return tuple(replace(one, site=site) for one, site in zip(lesions, sites, strict=True) if site is not None)


def _draw_lesions(breast: Breast, shape: BreastShape) -> tuple[Lesion, ...]:
    """Draw lesions in a view with this shape.

    One lesion has the breast's label; each further one is malignant with probability 1/2 in a malignant breast, else
    benign. Labels are assigned to sites last and at random, so that no site carries information on the label.
    """
    rng = breast.key.rng(Purpose.FINDINGS)
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
    shared = breast.key if breast.key.view is None else None
    return Lesion(index + 1, finding, label, 1 / (1 + exp(-1.7 * m)), site, 0.34 + 0.16 * float(u[1]), shared)
