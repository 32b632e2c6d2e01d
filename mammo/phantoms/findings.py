"""Lesions of a cohort: which breasts have lesions, and position, size and latent of each lesion of an image.

Position, size, outline and visibility are independent of the label; the label enters only the latent v, through
dials.local and dials.division. Each outlined lesion is visible in one view only. Lesions lie on breast tissue, off skin
and muscle, apart, and leave room for context cues.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import exp

import numpy as np
from numpy.typing import NDArray

from mammo.phantoms.anatomy import CELL_PX, DENSITY_SHARES, BreastShape
from mammo.phantoms.spec import CohortSpec, Key, Purpose
from mammo.records import Floats, Laterality, Pathology

COUNT_SHARES = (0.70, 0.23, 0.07)
"""Shares of images of an affected breast with 1, 2 and 3 lesions."""

FINDING_SHARES = (0.45, 0.05, 0.50)
"""Shares of masses, architectural distortions and clusters of calcifications. Clusters are as frequent as masses,
because a context network, which sees whole images, classifies them less well."""

RADIUS_PX, RADIUS_SPREAD = 115.0, 0.18
"""Median radius of a lesion, full-size px, and SD of its logarithm."""

OUTLINE_REACH = 1.32
"""Largest distance of an outline from its center, radii."""

GAP_PX = 24.0
"""Smallest distance between two outlines, full-size px."""

MAX_SPREAD_PX = 900.0
"""Largest distance between the centers of two lesions of an image, full-size px."""

KEEPOUT_PX, RAMP_PX = 400.0, 80.0
"""Context cues are absent within KEEPOUT_PX of an outline and rise to full strength over RAMP_PX, full-size px."""

MIN_CUE_SHARE = 0.35
"""Wanted share of the breast with full context cues; if no draw reaches it, the best of ATTEMPTS draws is used."""

ATTEMPTS = 6
STRIDE = 10
"""Sites are chosen on a grid with cells of STRIDE * CELL_PX full-size px."""

Cells = NDArray[np.float32]


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
class Site:
    """Center (row, col) and radius of a lesion, full-size px, in the right-facing frame."""

    row: float
    col: float
    radius: float


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


@dataclass(frozen=True, eq=False)
class PlacementGrid:
    """Cells of a coarse grid inside the breast.

    Attributes:
        rows: row of each cell's center [n], full-size px.
        cols: column of each cell's center [n], full-size px.
        slack: smallest distance [n] to skin, chest wall and muscle, less the margin of each, full-size px.
    """

    rows: Cells
    cols: Cells
    slack: Cells

    @classmethod
    def of(cls, shape: BreastShape) -> "PlacementGrid":
        """Return the cells of a breast."""
        depth = shape.skin_depth[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE]
        rows = ((np.arange(depth.shape[0], dtype=np.float32) * STRIDE + STRIDE // 2 + 0.5) * CELL_PX)[:, None]
        cols = ((np.arange(depth.shape[1], dtype=np.float32) * STRIDE + STRIDE // 2 + 0.5) * CELL_PX)[None]
        slack = np.minimum(depth - 70, cols - 30)
        slack = np.minimum(np.minimum(slack, rows - 30), -shape.pectoral_depth(rows, cols) - 60)
        inside = depth > 0
        r, c = np.nonzero(inside)
        return cls(rows[r, 0], cols[0, c], np.asarray(slack[inside], dtype=np.float32))

    def distance(self, site: Site) -> Cells:
        """Return the distance [n] of each cell to a site's center, full-size px."""
        return np.asarray(np.hypot(self.rows - site.row, self.cols - site.col), dtype=np.float32)

    def cue_share(self, sites: list[Site]) -> float:
        """Return the share of cells far enough from every site to carry full context cues."""
        far = [self.distance(s) > OUTLINE_REACH * s.radius + KEEPOUT_PX + RAMP_PX for s in sites]
        return float(np.logical_and.reduce(far).mean())


def place_lesions(rng: np.random.Generator, shape: BreastShape, radii: Floats) -> list[Site]:
    """Draw sites for lesions of these radii [n], full-size px; a further lesion that fits nowhere is left out."""
    grid = PlacementGrid.of(shape)
    best: list[Site] = []
    best_share = -1.0
    for _ in range(ATTEMPTS):
        sites = _draw_sites(rng, grid, radii)
        share = grid.cue_share(sites)
        if share > best_share:
            best, best_share = sites, share
        if share >= MIN_CUE_SHARE:
            break
    return best


def _draw_sites(rng: np.random.Generator, grid: PlacementGrid, radii: Floats) -> list[Site]:
    sites: list[Site] = []
    for radius, u in zip(radii, rng.random((len(radii), 3)), strict=True):
        slack = grid.slack - OUTLINE_REACH * float(radius)
        for site in sites:
            apart = grid.distance(site)
            slack = np.minimum(slack, apart - OUTLINE_REACH * (site.radius + float(radius)) - GAP_PX)
            slack = np.minimum(slack, MAX_SPREAD_PX - apart)
        cells = np.flatnonzero(slack > 0)
        if cells.size == 0:
            if sites:
                continue
            cells = np.array([np.argmax(slack)])
        cell = cells[int(u[0] * cells.size)]
        jitter = (u[1:] - 0.5) * STRIDE * CELL_PX * (slack[cell] > STRIDE * CELL_PX)
        sites.append(Site(float(grid.rows[cell] + jitter[0]), float(grid.cols[cell] + jitter[1]), float(radius)))
    return sites
