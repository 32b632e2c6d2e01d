import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.intake.orientation import is_mirrored
from mammo.intake.rejections import Code, RefusedError
from mammo.records import Laterality

RIGHT_FACING = np.zeros((60, 64), bool)
RIGHT_FACING[10:50, :40] = True
LEFT_FACING = RIGHT_FACING[:, ::-1]


@pytest.mark.parametrize("check", [True, False])
def test_the_usual_images(check: bool) -> None:
    assert not is_mirrored(RIGHT_FACING, Laterality.LEFT, check)
    assert is_mirrored(LEFT_FACING, Laterality.RIGHT, check)


def test_pixels_decide_where_nothing_is_checked() -> None:
    assert not is_mirrored(RIGHT_FACING, Laterality.RIGHT, check=False)
    assert is_mirrored(LEFT_FACING, Laterality.LEFT, check=False)


@pytest.mark.parametrize(("breast", "laterality"), [(RIGHT_FACING, "R"), (LEFT_FACING, "L")])
def test_a_contradiction_is_refused(breast: NDArray[np.bool_], laterality: str) -> None:
    with pytest.raises(RefusedError, match=Code.SIDE_CONFLICT):
        is_mirrored(breast, Laterality(laterality), check=True)


def test_the_rule_decides_where_the_pixels_do_not() -> None:
    everywhere = np.ones((60, 64), bool)
    assert is_mirrored(everywhere, Laterality.RIGHT, check=True)
    assert not is_mirrored(everywhere, Laterality.LEFT, check=True)
