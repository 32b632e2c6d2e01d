"""What both breasts and both views of a patient have in common inside: how fat, fibres and glands are made up."""

from dataclasses import dataclass

import numpy as np

from mammo.phantoms.randomness import Key, Purpose

DENSITY_SHARES = (0.1, 0.4, 0.4, 0.1)
"""How often a breast is of density A, B, C, D."""

DENSITY_OFFSETS = (-1.4, -0.05, 0.85, 1.6)
"""What each density adds to the field whose logistic function is the share of glands."""


@dataclass(frozen=True)
class Build:
    """The make-up of one breast in one view; lengths in full-size px.

    Attributes:
        glands: what density adds to the glandular field.
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


def draw_build(key: Key, density: int) -> Build:
    """The make-up, density being 0 to 3 for A to D: mostly the patient's, a little the breast's and the image's."""
    owners = Key(key.seed, key.patient), Key(key.seed, key.patient, key.laterality), key
    own = [owner.rng(Purpose.BUILD).standard_normal(6) for owner in owners]
    x = np.clip(0.85 * own[0] + 0.42 * own[1] + 0.32 * own[2], -2.2, 2.2)
    return Build(
        glands=DENSITY_OFFSETS[density] + 0.2 * float(x[0]),
        subcutaneous=175 + 32 * float(x[1]),
        retromammary=260 + 100 * float(x[2]),
        spread=0.75 + 0.07 * float(x[3]),
        web=1 + 0.14 * float(x[4]),
        slope=2.85 + 0.08 * float(x[5]),
    )
