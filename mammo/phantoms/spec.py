"""Parameters of a synthetic cohort, checked on construction, and its random streams.

Every random draw is a pure function of (seed, purpose, patient, breast, view, index).
"""

from dataclasses import asdict, dataclass, field
from enum import IntEnum

import numpy as np

from mammo.records import Laterality, MammoError, View, is_number, is_whole

FORMAT = 8
"""Version of the recipe: raised whenever the same parameters would give other files."""


@dataclass(frozen=True)
class Dials:
    """Strengths of the signals of malignancy; 0 is no signal, larger is easier.

    Attributes:
        local: strength of the signal in a lesion's own appearance.
        context: strength of the signal in the rest of the breast, between breasts with a malignant lesion and breasts
            with benign lesions only.
        division: how unevenly breasts carry the two signals. At 0 every breast carries both; at 1 one half of the
            breasts carries only the local signal and the other half only the context signal. The means stay as above.
        ipsi: share of breasts whose two views show the same findings, with independent noise in their cues. In the
            others label, lesions and cues are drawn for each view, so that at 0 a view says nothing about the other
            one.
        contra: share of the variance of the noise in a view's cues that is the same in the patient's other breast. At 0
            a breast says nothing about the other one.
    """

    local: float = 3.2
    context: float = 1.4
    division: float = 0.75
    ipsi: float = 0.9
    contra: float = 0.95

    def __post_init__(self) -> None:
        for name, value in (("local", self.local), ("context", self.context)):
            if not (is_number(value) and 0 <= value <= 100):
                raise MammoError(f"dials.{name} must be a number in [0, 100], got {value}")
        for name, value in (("division", self.division), ("ipsi", self.ipsi), ("contra", self.contra)):
            if not (is_number(value) and 0 <= value <= 1):
                raise MammoError(f"dials.{name} must be a number in [0, 1], got {value}")


@dataclass(frozen=True)
class Mix:
    """Shares of breasts by their worst lesion; they sum to 1."""

    negative: float = 0.16
    benign: float = 0.42
    malignant: float = 0.42

    def __post_init__(self) -> None:
        shares = asdict(self)
        if not all(is_number(x) and x >= 0 for x in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
            given = ", ".join(f"mix.{name}={share}" for name, share in shares.items())
            raise MammoError(f"mix must be three shares >= 0 that sum to 1, got {given}")


@dataclass(frozen=True)
class CohortSpec:
    """All parameters of a cohort; equal specs give identical files.

    Attributes:
        seed: seed of every random draw.
        scale: stored pixels per full-size pixel (3328 x 2560 px of 0.07 mm), 1/8 to 1.
        n_patients: number of patients, each with one exam of four images.
        dials: signal strengths.
        mix: shares of negative, benign and malignant breasts.

    Raises:
        MammoError: a value is out of range.
    """

    seed: int = 0
    scale: float = 0.125
    n_patients: int = 600
    dials: Dials = field(default_factory=Dials)
    mix: Mix = field(default_factory=Mix)

    def __post_init__(self) -> None:
        if not (is_whole(self.seed) and self.seed >= 0):
            raise MammoError(f"seed must be a whole number >= 0, got {self.seed}")
        if not (is_number(self.scale) and 0.125 <= self.scale <= 1):
            raise MammoError(f"scale must be in [0.125, 1] (0.125 is 416 x 320 px), got {self.scale}")
        if not (is_whole(self.n_patients) and 1 <= self.n_patients <= 9999):
            raise MammoError(f"n_patients must be a whole number in [1, 9999], got {self.n_patients}")

    def recipe(self) -> dict[str, object]:
        """Return the parameters as plain values, for dials.json and for unique identifiers."""
        numbers = {"dials": _floats(asdict(self.dials)), "mix": _floats(asdict(self.mix)), "scale": float(self.scale)}
        return {"format": FORMAT, **asdict(self), **numbers}


def _floats(values: dict[str, float]) -> dict[str, float]:
    """Convert all numbers to float, so that 1 and 1.0 give the same recipe."""
    return {name: float(value) for name, value in values.items()}


class Purpose(IntEnum):
    """Purpose of a random stream. The numbers are fixed: changing one changes every cohort."""

    PATIENT = 1
    BREAST = 2
    SHAPE = 3
    TISSUE = 4
    STRUCTURE = 5
    NOISE = 6
    FINDINGS = 7
    APPEARANCE = 8
    BENIGN_STRUCTURES = 9
    CUES = 10
    FILE = 11
    COMPOSITION = 12
    MUSCLE = 13
    FORM = 14
    TWO_VIEWS = 15
    BOTH_BREASTS = 16
    OTHER_VIEW = 17
    DETECTOR = 20


@dataclass(frozen=True)
class Key:
    """Owner of random streams: a patient, one breast (laterality given) or one image (view given too)."""

    seed: int
    patient: int
    laterality: Laterality | None = None
    view: View | None = None

    def rng(self, purpose: Purpose, index: int = 0) -> np.random.Generator:
        """Return a new generator; equal arguments give equal draws on every machine and in every process."""
        breast = 0 if self.laterality is None else 1 + list(Laterality).index(self.laterality)
        view = 0 if self.view is None else 1 + list(View).index(self.view)
        return np.random.default_rng((self.seed, purpose, self.patient, breast, view, index))
