"""The realism assessment: ranges, positions in them, and its lines of text."""

import os
from pathlib import Path

import numpy as np
import pytest

from mammo.realism.assessment import (
    REFERENCE_RANGES,
    MeasureComparison,
    RangeStatus,
    RealismAssessment,
    assess_realism,
    compare_measures,
    measure_ranges,
    realism_lines,
)
from mammo.realism.breast_images import exam_images
from mammo.realism.discriminator import DiscriminatorResult, FeatureAuc
from mammo.realism.measures import MEASURES, TEXTURE_SCALE, image_measures


@pytest.mark.parametrize(
    ("median", "status"),
    [
        (2.0, RangeStatus.INSIDE),
        (3.0, RangeStatus.INSIDE),
        (1.73, RangeStatus.NEAR),
        (1.71, RangeStatus.OUTSIDE),
        (3.05, RangeStatus.NEAR),
        (3.07, RangeStatus.OUTSIDE),
        (float("nan"), RangeStatus.OUTSIDE),
    ],
)
def test_a_median_is_inside_near_or_outside(median: float, status: RangeStatus) -> None:
    assert MeasureComparison("slope", median, 0, 5, (2.0, 3.0)).status is status


def test_skewness_around_zero_is_widened_by_differences() -> None:
    assert MeasureComparison("gray skewness", 0.0, 0, 0, (0.0, 0.1)).widened == pytest.approx((-0.39, 0.47))


def test_measures_of_synthetic_images_are_compared_with_the_range_of_real_ones() -> None:
    real = [dict.fromkeys(MEASURES, value) for value in (1.0, 4.0, float("nan"), 2.0)]
    synthetic = [dict.fromkeys(MEASURES, float(value)) for value in range(11)]
    rows = compare_measures(synthetic, measure_ranges(real))
    assert [row.name for row in rows] == list(MEASURES)
    assert all((row.low, row.median, row.high, row.real) == (1, 5, 9, (1.0, 4.0)) for row in rows)


def test_every_measurement_scale_has_reference_ranges() -> None:
    assert set(REFERENCE_RANGES) == {TEXTURE_SCALE, 0.125}
    for ranges in REFERENCE_RANGES.values():
        assert list(ranges) == list(MEASURES)
        assert np.all(np.diff(list(ranges.values())) > 0)


def test_reference_ranges_are_used_without_a_real_exam(small_root: Path) -> None:
    found = assess_realism(small_root / "store", None, 8)
    assert (found.n_images, found.patch_scale, found.measure_scale, found.n_real) == (8, 0.125, 0.125, 0)
    assert found.discriminator is None
    assert {row.name: row.real for row in found.measures} == REFERENCE_RANGES[0.125]


REAL = pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM is not set")


@REAL
def test_reference_ranges_are_those_of_the_real_exam() -> None:
    measured = [image_measures(image.reduced(0.25)) for image in exam_images(Path(os.environ["MAMMO_REAL_EXAM"]))]
    for name in MEASURES:
        found = min(one[name] for one in measured), max(one[name] for one in measured)
        assert found == pytest.approx(REFERENCE_RANGES[0.25][name], abs=6e-4), name


@REAL
def test_the_discriminator_compares_a_store_with_a_real_exam(small_root: Path) -> None:
    found = assess_realism(small_root / "store", Path(os.environ["MAMMO_REAL_EXAM"]), 16)
    assert found.n_real == 4
    assert found.discriminator is not None
    assert len(found.discriminator.aucs) == 4
    assert 0.4 < found.discriminator.auc <= 1


ROWS = (
    MeasureComparison("slope", 2.9, 2.7, 3.1, (2.7, 3.0)),
    MeasureComparison("contrast", 0.2, 0.1, 0.3, (0.4, 0.48)),
    MeasureComparison("gray 50 %", 0.39, 0.3, 0.4, (0.3, 0.36)),
)


def test_every_measure_has_a_line_with_its_range_and_status() -> None:
    text = list(realism_lines(RealismAssessment(40, 1.0, 0.25, ROWS, 0, None)))
    recorded = "recorded values of 4 real images of one exam (NYU)"
    assert text[0] == f"40 images at 0.25 of full size, median (10 % to 90 %), compared with {recorded}:"
    assert "one woman, one detector" in text.pop(1)
    assert "8 CBIS-DDSM films of 2 women" in text.pop(1)
    assert "2.900 (2.700 to 3.100)" in text[1]
    assert "real 2.700 to 3.000   (2.322 to 3.060)" in text[1]
    for status, line in zip(("inside", "outside", "near"), text[1:4], strict=True):
        assert status in line
    assert text[4] == "1 inside, 1 near, 1 outside"
    assert text[5] == "no discriminator: it needs a real exam; set MAMMO_REAL_EXAM to its folder"


def test_the_discriminator_lists_the_features_that_separate_best() -> None:
    result = DiscriminatorResult((0.9, 0.8), (FeatureAuc("slope", 0.75, 2.9, 3.4),), 30, 400)
    text = list(realism_lines(RealismAssessment(40, 1.0, 0.25, ROWS, 2, result)))
    assert "compared with 2 real images of one exam" in text[0]
    del text[1:3]
    assert "discriminator at 1 of full size: AUC 0.850 (by real image left out: 0.900, 0.800)" in text[5]
    assert "30 real and 400 synthetic patches" in text[5]
    assert text[-1].split() == ["slope", "AUC", "0.750", "median", "3.4,", "real", "2.9"]
