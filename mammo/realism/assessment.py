"""Realism assessment of a store: its measures against those of real images, and a discriminator's result."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from mammo.progress import track
from mammo.realism.breast_images import StoreImages, exam_images
from mammo.realism.discriminator import PATCH_PX, DiscriminatorResult, discriminate, patch_features
from mammo.realism.measures import MEASURES, TEXTURE_SCALE, Measures, Ranges, image_measures
from mammo.records import MammoError
from mammo.scoring.number_text import number_text, range_text

SPREAD = {
    "slope": (0.86, 1.02),
    "contrast": (0.78, 1.47),
    "gray 5 %": (0.58, 1.98),
    "gray 25 %": (0.77, 1.65),
    "gray 50 %": (0.74, 1.42),
    "gray 75 %": (0.83, 1.34),
    "gray 95 %": (0.88, 1.15),
    "breast area": (0.61, 1.14),
    "rim 0-2 mm": (0.51, 2.56),
    "rim 2-4 mm": (0.54, 1.65),
    "rim 4-8 mm": (0.70, 1.18),
    "rim 8-12 mm": (0.86, 1.13),
}
"""How far mammograms of other women lie apart: smallest and largest value over the median of eight CBIS-DDSM films of
two women (P_00173, P_00820), measured at a quarter of full size. Films have other gray levels than detectors, so that
these ratios carry over and the values do not."""

SKEWNESS_SPREAD = (-0.39, 0.37)
"""The same for skewness, which may be 0: differences from the median."""

N_FEATURES = 8
"""Number of features listed by realism_lines."""


class RangeStatus(StrEnum):
    """Position of a value relative to the range of real images, and to that range widened by SPREAD."""

    INSIDE = "inside"
    NEAR = "near"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class MeasureComparison:
    """One measure of the synthetic images against the range of real images.

    Attributes:
        name: of mammo.realism.measures.MEASURES.
        median: over the synthetic images.
        low: 10th percentile of the synthetic images.
        high: 90th percentile of the synthetic images.
        real: smallest and largest real value.
    """

    name: str
    median: float
    low: float
    high: float
    real: tuple[float, float]

    @property
    def status(self) -> RangeStatus:
        """Position of the median relative to the real range."""
        if self.real[0] <= self.median <= self.real[1]:
            return RangeStatus.INSIDE
        return RangeStatus.NEAR if self.widened[0] <= self.median <= self.widened[1] else RangeStatus.OUTSIDE

    @property
    def widened(self) -> tuple[float, float]:
        """Range that mammograms of other women can be expected in: the real one, widened by SPREAD."""
        least, largest = self.real
        if self.name == "gray skewness":
            return least + SKEWNESS_SPREAD[0], largest + SKEWNESS_SPREAD[1]
        below, above = SPREAD[self.name]
        return least * below, largest * above


@dataclass(frozen=True)
class RealismAssessment:
    """The realism of a store.

    Attributes:
        n_images: number of images of the store that were measured.
        patch_scale: pixels per full-size pixel of the discriminator's patches.
        measure_scale: pixels per full-size pixel at which the measures were taken.
        measures: the measures against their real ranges.
        n_real: number of real images that were measured; 0 if reference ranges were used.
        discriminator: the discriminator's result; None without real images.
    """

    n_images: int
    patch_scale: float
    measure_scale: float
    measures: tuple[MeasureComparison, ...]
    n_real: int
    discriminator: DiscriminatorResult | None


def measure_ranges(real: Sequence[Measures]) -> Ranges:
    """The range of each measure over real images; (NaN, NaN) for a measure that no image has."""
    ranges = {}
    for name in MEASURES:
        values = [measures[name] for measures in real if np.isfinite(measures[name])] or [float("nan")]
        ranges[name] = (min(values), max(values))
    return ranges


def compare_measures(synthetic: Sequence[Measures], real: Ranges) -> tuple[MeasureComparison, ...]:
    """Each measure of at least one synthetic image against its real range, in the order of MEASURES."""
    comparisons = []
    for name, real_range in real.items():
        values = [measures[name] for measures in synthetic if np.isfinite(measures[name])] or [float("nan")]
        low, median, high = np.percentile(values, [10, 50, 90]).tolist()
        comparisons.append(MeasureComparison(name, median, low, high, real_range))
    return tuple(comparisons)


def assess_realism(store: Path, exam: Path | None, max_images: int) -> RealismAssessment:
    """Compare a store's images with real ones.

    Args:
        store: the store folder.
        exam: a real exam in the format of data=nyu, at full size; None uses reference ranges and no discriminator.
        max_images: approximate number of images to measure, of whole patients.

    Raises:
        MammoError: there is no store or no exam, or too few images to measure.
    """
    images = StoreImages(store, max_images)
    if not len(images):
        raise MammoError(f"{store} has no images to measure: fill it with python -m mammo.ingest")
    measure_scale = min(images.scale, TEXTURE_SCALE)
    real = [] if exam is None else [image.reduced(images.scale) for image in exam_images(exam)]
    synthetic, patches = [], []
    for image in track(images, "realism", len(images)):
        synthetic.append(image_measures(image))
        if real:
            patches.append(patch_features(image))
    ranges = measure_ranges([image_measures(image) for image in real]) if real else REFERENCE_RANGES[measure_scale]
    return RealismAssessment(
        n_images=len(synthetic),
        patch_scale=images.scale,
        measure_scale=measure_scale,
        measures=compare_measures(synthetic, ranges),
        n_real=len(real),
        discriminator=discriminate([patch_features(image) for image in real], patches) if real else None,
    )


def realism_lines(assessment: RealismAssessment) -> Iterator[str]:
    """The assessment as lines of text: one line per measure, then the discriminator's result."""
    recorded = "recorded values of 4 real images of one exam (NYU)"
    real = f"{assessment.n_real} real images of one exam" if assessment.n_real else recorded
    scale = f"{assessment.measure_scale:g} of full size"
    yield f"{assessment.n_images} images at {scale}, median (10 % to 90 %), compared with {real}:"
    yield "the real ranges are those of one exam: one woman, one detector"
    yield "near: in that range widened as far as 8 CBIS-DDSM films of 2 women differ; no other detector was measured"
    for row in assessment.measures:
        spread = f"{number_text(row.median):>6} ({range_text((row.low, row.high))})"
        real_range = range_text(row.real)
        widened = f"({range_text(row.widened)})"
        yield f"{row.name:<14} {spread:<25} real {real_range:<16} {widened:<18} {row.status:<8} {MEASURES[row.name]}"
    statuses = [row.status for row in assessment.measures]
    yield ", ".join(f"{statuses.count(status)} {status}" for status in RangeStatus)
    if assessment.discriminator is None:
        yield "no discriminator: it needs a real exam; set MAMMO_REAL_EXAM to its folder"
    else:
        yield from _discriminator_lines(assessment.discriminator, assessment.patch_scale)


def _discriminator_lines(result: DiscriminatorResult, scale: float) -> Iterator[str]:
    each = ", ".join(number_text(auc) for auc in result.aucs)
    yield (
        f"discriminator at {scale:g} of full size: AUC {number_text(result.auc)} (by real image left out: {each}), "
        f"{result.n_real} real and {result.n_synthetic} synthetic patches of {PATCH_PX} full-size px"
    )
    yield "features that separate them best on their own:"
    for feature in result.features[:N_FEATURES]:
        medians = f"median {feature.synthetic:.4g}, real {feature.real:.4g}"
        yield f"  {feature.name:<22} AUC {number_text(feature.auc)}   {medians}"


REFERENCE_RANGES: dict[float, Ranges] = {
    0.25: {
        "slope": (2.692, 3.013),
        "contrast": (0.406, 0.475),
        "gray 5 %": (0.070, 0.090),
        "gray 25 %": (0.150, 0.225),
        "gray 50 %": (0.283, 0.356),
        "gray 75 %": (0.405, 0.478),
        "gray 95 %": (0.591, 0.679),
        "gray skewness": (0.323, 0.602),
        "breast area": (0.182, 0.377),
        "rim 0-2 mm": (0.830, 0.875),
        "rim 2-4 mm": (1.182, 1.365),
        "rim 4-8 mm": (0.557, 0.932),
        "rim 8-12 mm": (0.610, 0.884),
    },
    0.125: {
        "slope": (2.600, 3.247),
        "contrast": (0.397, 0.472),
        "gray 5 %": (0.069, 0.093),
        "gray 25 %": (0.150, 0.227),
        "gray 50 %": (0.281, 0.355),
        "gray 75 %": (0.402, 0.474),
        "gray 95 %": (0.583, 0.672),
        "gray skewness": (0.315, 0.569),
        "breast area": (0.183, 0.380),
        "rim 0-2 mm": (0.553, 0.679),
        "rim 2-4 mm": (1.228, 1.449),
        "rim 4-8 mm": (0.590, 0.950),
        "rim 8-12 mm": (0.588, 0.877),
    },
}
"""Range of each measure over the images, by the scale of measurement."""
