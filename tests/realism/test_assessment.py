import numpy as np
import pytest

from mammo.realism.assessment import Beside, Mark, beside, ranges
from mammo.realism.measures import MEANINGS, TEXTURE_SCALE
from mammo.realism.reference_values import RECORDED


@pytest.mark.parametrize(
    ("median", "mark"),
    [
        (2.0, Mark.INSIDE),
        (3.0, Mark.INSIDE),
        (1.81, Mark.NEAR),
        (1.79, Mark.OUTSIDE),
        (3.29, Mark.NEAR),
        (3.31, Mark.OUTSIDE),
        (float("nan"), Mark.OUTSIDE),
    ],
)
def test_a_median_is_inside_near_or_outside(median: float, mark: Mark) -> None:
    assert Beside("slope", median, 0, 5, (2.0, 3.0)).mark is mark


def test_the_median_of_synthetic_images_stands_beside_the_range_of_real_ones() -> None:
    real = [dict.fromkeys(MEANINGS, value) for value in (1.0, 4.0, float("nan"), 2.0)]
    drawn = [dict.fromkeys(MEANINGS, float(value)) for value in range(11)]
    rows = beside(drawn, ranges(real))
    assert [row.name for row in rows] == list(MEANINGS)
    assert all((row.low, row.median, row.high, row.real) == (1, 5, 9, (1.0, 4.0)) for row in rows)


def test_figures_are_recorded_for_every_scale_that_is_measured() -> None:
    assert set(RECORDED) == {TEXTURE_SCALE, 0.125}
    for recorded in RECORDED.values():
        assert list(recorded) == list(MEANINGS)
        assert np.all(np.diff(list(recorded.values())) > 0)
