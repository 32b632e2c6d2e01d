"""Synthetic figures beside real ones: each inside of the real range, within a tenth of it, or outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mammo.realism.measures import MEANINGS, Figures

Ranges = dict[str, tuple[float, float]]
"""Least and largest value of every figure."""

NEAR = 0.1
"""A figure is near the real range within this share of its nearer end."""


class Mark(StrEnum):
    """Where a figure lies beside the real range."""

    INSIDE = "inside"
    NEAR = "within 10 %"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Beside:
    """One figure of the synthetic images beside the real range.

    Attributes:
        name: of figures.MEANINGS.
        median: over the synthetic images.
        low: a tenth of the synthetic images lie below.
        high: a tenth lie above.
        real: least and largest real value.
    """

    name: str
    median: float
    low: float
    high: float
    real: tuple[float, float]

    @property
    def mark(self) -> Mark:
        """Where the median lies."""
        least, largest = self.real
        if least <= self.median <= largest:
            return Mark.INSIDE
        away = (least - self.median) / abs(least) if self.median < least else (self.median - largest) / abs(largest)
        return Mark.NEAR if away <= NEAR else Mark.OUTSIDE


def ranges(real: Sequence[Figures]) -> Ranges:
    """The range of every figure over real images; (NaN, NaN) for a figure that none of them has."""
    found = {}
    for name in MEANINGS:
        values = [one[name] for one in real if np.isfinite(one[name])] or [float("nan")]
        found[name] = (min(values), max(values))
    return found


def beside(synthetic: Sequence[Figures], real: Ranges) -> tuple[Beside, ...]:
    """Every figure of at least one synthetic image beside the real range, in the order of MEANINGS."""
    rows = []
    for name, range_ in real.items():
        values = [one[name] for one in synthetic if np.isfinite(one[name])] or [float("nan")]
        low, median, high = np.percentile(values, [10, 50, 90]).tolist()
        rows.append(Beside(name, median, low, high, range_))
    return tuple(rows)
