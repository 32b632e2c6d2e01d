"""Composition of a breast: amounts of fat, fibers and glands, similar in all images of a patient."""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.randomness import Key, Purpose

DENSITY_SHARES = (0.1, 0.4, 0.4, 0.1)
"""Shares of breasts with density A, B, C and D."""

DENSITY_OFFSETS = (-1.4, -0.05, 0.85, 1.6)
"""Offset of each density in the field whose logistic function is the share of glands."""


@dataclass(frozen=True)
class Composition:
    """Composition of one breast in one view; lengths in full-size px.

    Attributes:
        glands: offset of the glandular field due to density.
        subcutaneous: thickness of the fat under the skin.
        retromammary: thickness of the fat before the chest wall or the muscle.
        spread: half-height of the glandular body as a share of the breast's.
        web: strength of ligaments and ducts, about 1.
        slope: exponent of the power spectrum of the finest texture.
    """

    glands: float
    subcutaneous: float
    retromammary: float
    spread: float
    web: float
    slope: float


def draw_composition(key: Key, density: int) -> Composition:
    """Draw the composition: mostly the patient's, with small differences of breast and image.

    Args:
        key: owner of the image's random numbers.
        density: 0 to 3 for A to D.
    """
    owners = Key(key.seed, key.patient), Key(key.seed, key.patient, key.laterality), key
    own = [owner.rng(Purpose.COMPOSITION).standard_normal(6) for owner in owners]
    x = np.clip(0.85 * own[0] + 0.42 * own[1] + 0.32 * own[2], -2.2, 2.2)
    return Composition(
        glands=DENSITY_OFFSETS[density] + 0.2 * float(x[0]),
        subcutaneous=175 + 32 * float(x[1]),
        retromammary=260 + 100 * float(x[2]),
        spread=0.75 + 0.07 * float(x[3]),
        web=1 + 0.14 * float(x[4]),
        slope=2.85 + 0.08 * float(x[5]),
    )
