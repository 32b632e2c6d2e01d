"""Synthetic figures beside real ones: each inside of the real range, within a tenth of it, or outside."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from mammo.progress import track
from mammo.realism.breasts import StoreBreasts, exam_breasts
from mammo.realism.discriminator import PATCH_PX, Verdict, judge, patches
from mammo.realism.measures import MEANINGS, TEXTURE_SCALE, Figures, Ranges, figures
from mammo.realism.reference_values import RECORDED
from mammo.records import MammoError

NEAR = 0.1
"""A figure is near the real range within this share of its nearer end."""


class RangeStatus(StrEnum):
    """Where a figure lies beside the real range."""

    INSIDE = "inside"
    NEAR = "within 10 %"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class MeasureComparison:
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
    def mark(self) -> RangeStatus:
        """Where the median lies."""
        least, largest = self.real
        if least <= self.median <= largest:
            return RangeStatus.INSIDE
        away = (least - self.median) / abs(least) if self.median < least else (self.median - largest) / abs(largest)
        return RangeStatus.NEAR if away <= NEAR else RangeStatus.OUTSIDE


def measure_ranges(real: Sequence[Figures]) -> Ranges:
    """The range of every figure over real images; (NaN, NaN) for a figure that none of them has."""
    found = {}
    for name in MEANINGS:
        values = [one[name] for one in real if np.isfinite(one[name])] or [float("nan")]
        found[name] = (min(values), max(values))
    return found


def compare_measures(synthetic: Sequence[Figures], real: Ranges) -> tuple[MeasureComparison, ...]:
    """Every figure of at least one synthetic image beside the real range, in the order of MEANINGS."""
    rows = []
    for name, range_ in real.items():
        values = [one[name] for one in synthetic if np.isfinite(one[name])] or [float("nan")]
        low, median, high = np.percentile(values, [10, 50, 90]).tolist()
        rows.append(MeasureComparison(name, median, low, high, range_))
    return tuple(rows)


@dataclass(frozen=True)
class RealismAssessment:
    """What was found.

    Attributes:
        n_images: how many of the store's images were measured.
        scale: pixels per full-size pixel at which patches were judged.
        figure_scale: the scale of the figures.
        rows: the figures.
        measured: how many real images were measured; 0 where recorded figures stand for them.
        verdict: the critic's, None without real images.
    """

    n_images: int
    scale: float
    figure_scale: float
    rows: tuple[MeasureComparison, ...]
    measured: int
    verdict: Verdict | None


def assess_realism(store: Path, exam: Path | None, most: int) -> RealismAssessment:
    """Measure a store.

    Args:
        store: its folder.
        exam: a real exam in the format of data=nyu, at full size; None: recorded figures, and no critic.
        most: about how many images to measure, whole patients.

    Raises:
        MammoError: there is no store or no exam, or they hold too little to measure.
    """
    breasts = StoreBreasts(store, most)
    if not len(breasts):
        raise MammoError(f"{store} has no images whose realism could be measured: fill it with python -m mammo.ingest")
    figure_scale = min(breasts.scale, TEXTURE_SCALE)
    real = [] if exam is None else [image.at(breasts.scale) for image in exam_breasts(exam)]
    drawn, seen = [], []
    for image in track(breasts, "realism", len(breasts)):
        drawn.append(figures(image))
        seen.append(patches(image) if real else None)
    known = measure_ranges([figures(image) for image in real]) if real else RECORDED[figure_scale]
    verdict = judge([patches(image) for image in real], [one for one in seen if one]) if real else None
    return RealismAssessment(
        len(drawn), breasts.scale, figure_scale, compare_measures(drawn, known), len(real), verdict
    )


TELLING = 8
"""How many of the most telling numbers are listed."""


def realism_lines(found: RealismAssessment) -> Iterator[str]:
    """The table of figures, a line each, then the critic's verdict."""
    real = f"{found.measured} real images" if found.measured else "recorded real images"
    yield f"{found.n_images} images at {found.figure_scale:g} of full size, median (10 % to 90 %), beside {real}:"
    for row in found.rows:
        spread = f"{row.median:6.3f} ({row.low:.3f} to {row.high:.3f})"
        known = f"{row.real[0]:.3f} to {row.real[1]:.3f}"
        yield f"{row.name:<14} {spread:<25} real {known:<16} {row.mark:<11} {MEANINGS[row.name]}"
    marks = [row.mark for row in found.rows]
    yield ", ".join(f"{marks.count(mark)} {mark}" for mark in RangeStatus)
    if found.verdict is None:
        yield "no critic: he needs a real exam, whose folder the variable MAMMO_REAL_EXAM names"
    else:
        yield from _critic(found.verdict, found.scale)


def _critic(verdict: Verdict, scale: float) -> Iterator[str]:
    each = ", ".join(f"{auc:.3f}" for auc in verdict.aucs)
    yield (
        f"critic at {scale:g} of full size: AUC {verdict.auc:.3f} (by real image left out: {each}), "
        f"{verdict.n_real} real and {verdict.n_synthetic} synthetic patches of {PATCH_PX} full-size px"
    )
    yield "he could tell by these alone:"
    for one in verdict.telltales[:TELLING]:
        yield f"  {one.name:<22} AUC {one.auc:.3f}   median {one.synthetic:.4g}, real {one.real:.4g}"
