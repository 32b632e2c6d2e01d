"""Random streams: every random draw is a pure function of (seed, purpose, patient, breast, view, index)."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from mammo.records import Laterality, View


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
