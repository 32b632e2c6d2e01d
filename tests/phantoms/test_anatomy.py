import numpy as np
import pytest

from mammo.phantoms.anatomy import CELL_PX, draw_shape
from mammo.phantoms.canvas import FULL_HEIGHT
from mammo.phantoms.randomness import Key
from mammo.records import Laterality, View

SHAPES = [draw_shape(Key(0, p, side, view)) for p in range(1, 31) for side in Laterality for view in View]


def test_every_breast_fits_the_image_and_the_promised_size() -> None:
    for shape in SHAPES:
        inside = np.argwhere(shape.skin_depth > 0) * CELL_PX
        height, width = np.ptp(inside[:, 0]), np.ptp(inside[:, 1])
        assert 1500 < height <= 2900
        assert 1000 < width <= 1850
        assert inside[:, 0].max() < FULL_HEIGHT - CELL_PX


def test_skin_depth_is_the_distance_to_the_nearest_background() -> None:
    shape = draw_shape(Key(1, 4, Laterality.LEFT, View.CC))
    depth = shape.skin_depth
    outside = np.argwhere(depth == 0) * CELL_PX
    for row, col in np.argwhere(depth > 0)[::4001]:
        brute = np.hypot(*(outside - (row * CELL_PX, col * CELL_PX)).T).min()
        assert depth[row, col] == pytest.approx(brute, rel=0.03, abs=CELL_PX)


def test_muscle_is_in_the_upper_chest_wall_corner_of_mlo_only() -> None:
    rows, cols = np.float32([[10], [2800]]), np.float32([[10, 1800]])
    cc = draw_shape(Key(0, 1, Laterality.LEFT, View.CC)).pectoral_depth(rows, cols)
    mlo = draw_shape(Key(0, 1, Laterality.LEFT, View.MLO)).pectoral_depth(rows, cols)
    assert (cc < 0).all()
    assert mlo[0, 0] > 0
    assert mlo[0, 1] < 0
    assert mlo[1, 0] < 0
