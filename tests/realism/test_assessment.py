import os
from pathlib import Path

import numpy as np
import pytest

from mammo.realism.assessment import (
    MeasureComparison,
    RangeStatus,
    RealismAssessment,
    assess_realism,
    compare_measures,
    measure_ranges,
    realism_lines,
)
from mammo.realism.breasts import exam_breasts
from mammo.realism.discriminator import Telltale, Verdict
from mammo.realism.measures import MEANINGS, TEXTURE_SCALE, figures
from mammo.realism.reference_values import RECORDED


@pytest.mark.parametrize(
    ("median", "mark"),
    [
        (2.0, RangeStatus.INSIDE),
        (3.0, RangeStatus.INSIDE),
        (1.81, RangeStatus.NEAR),
        (1.79, RangeStatus.OUTSIDE),
        (3.29, RangeStatus.NEAR),
        (3.31, RangeStatus.OUTSIDE),
        (float("nan"), RangeStatus.OUTSIDE),
    ],
)
def test_a_median_is_inside_near_or_outside(median: float, mark: RangeStatus) -> None:
    assert MeasureComparison("slope", median, 0, 5, (2.0, 3.0)).mark is mark


def test_the_median_of_synthetic_images_stands_beside_the_range_of_real_ones() -> None:
    real = [dict.fromkeys(MEANINGS, value) for value in (1.0, 4.0, float("nan"), 2.0)]
    drawn = [dict.fromkeys(MEANINGS, float(value)) for value in range(11)]
    rows = compare_measures(drawn, measure_ranges(real))
    assert [row.name for row in rows] == list(MEANINGS)
    assert all((row.low, row.median, row.high, row.real) == (1, 5, 9, (1.0, 4.0)) for row in rows)


def test_figures_are_recorded_for_every_scale_that_is_measured() -> None:
    assert set(RECORDED) == {TEXTURE_SCALE, 0.125}
    for recorded in RECORDED.values():
        assert list(recorded) == list(MEANINGS)
        assert np.all(np.diff(list(recorded.values())) > 0)


def test_without_a_real_exam_recorded_figures_stand_beside(small_root: Path) -> None:
    found = assess_realism(small_root / "store", None, 8)
    assert (found.n_images, found.scale, found.figure_scale, found.measured) == (8, 0.125, 0.125, 0)
    assert found.verdict is None
    assert {row.name: row.real for row in found.rows} == RECORDED[0.125]


REAL = pytest.mark.skipif("MAMMO_REAL_EXAM" not in os.environ, reason="MAMMO_REAL_EXAM names no real exam")


@REAL
def test_recorded_figures_are_those_of_the_real_exam() -> None:
    measured = [figures(image.at(0.25)) for image in exam_breasts(Path(os.environ["MAMMO_REAL_EXAM"]))]
    for name in MEANINGS:
        found = min(one[name] for one in measured), max(one[name] for one in measured)
        assert found == pytest.approx(RECORDED[0.25][name], abs=6e-4), name


@REAL
def test_the_critic_judges_a_store_beside_a_real_exam(small_root: Path) -> None:
    found = assess_realism(small_root / "store", Path(os.environ["MAMMO_REAL_EXAM"]), 16)
    assert found.measured == 4
    assert found.verdict is not None
    assert len(found.verdict.aucs) == 4
    assert 0.4 < found.verdict.auc <= 1


ROWS = (
    MeasureComparison("slope", 2.9, 2.7, 3.1, (2.7, 3.0)),
    MeasureComparison("contrast", 0.2, 0.1, 0.3, (0.4, 0.48)),
    MeasureComparison("grey 50 %", 0.39, 0.3, 0.4, (0.3, 0.36)),
)


def test_every_figure_stands_in_a_line_with_its_range_and_mark() -> None:
    text = list(realism_lines(RealismAssessment(40, 1.0, 0.25, ROWS, 0, None)))
    assert text[0] == "40 images at 0.25 of full size, median (10 % to 90 %), beside recorded real images:"
    assert "2.900 (2.700 to 3.100)" in text[1]
    assert "real 2.700 to 3.000" in text[1]
    assert [mark in line for mark, line in zip(("inside", "outside", "within 10 %"), text[1:], strict=False)] == [
        True
    ] * 3
    assert text[4] == "1 inside, 1 within 10 %, 1 outside"
    assert "MAMMO_REAL_EXAM" in text[5]


def test_the_critic_tells_what_gave_the_images_away() -> None:
    verdict = Verdict((0.9, 0.8), (Telltale("slope", 0.75, 2.9, 3.4),), 30, 400)
    text = list(realism_lines(RealismAssessment(40, 1.0, 0.25, ROWS, 2, verdict)))
    assert "beside 2 real images" in text[0]
    assert "critic at 1 of full size: AUC 0.850 (by real image left out: 0.900, 0.800)" in text[5]
    assert "30 real and 400 synthetic patches" in text[5]
    assert text[-1].split() == ["slope", "AUC", "0.750", "median", "3.4,", "real", "2.9"]
