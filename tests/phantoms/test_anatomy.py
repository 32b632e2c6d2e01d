from dataclasses import astuple

import numpy as np
import pytest

from mammo.phantoms.anatomy import (
    CELL_PX,
    DENSITY_SHARES,
    SKIN_BRIGHTNESS,
    SKIN_PX,
    draw_composition,
    draw_shape,
    falloff,
    skin_line,
)
from mammo.phantoms.canvas import FULL_HEIGHT
from mammo.phantoms.findings import draw_breast
from mammo.phantoms.spec import CohortSpec, Key
from mammo.records import Laterality, View

SHAPES = [draw_shape(Key(0, p, side, view)) for p in range(1, 31) for side in Laterality for view in View]


def test_every_breast_fits_the_image_and_has_a_realistic_size() -> None:
    for shape in SHAPES:
        inside = np.argwhere(shape.skin_depth > 0) * CELL_PX
        height, width = np.ptp(inside[:, 0]), np.ptp(inside[:, 1])
        assert 1500 < height <= 2944
        assert 800 < width <= 1850
        assert inside[:, 0].max() < FULL_HEIGHT - CELL_PX


def test_the_canvas_holds_the_whole_breast() -> None:
    for shape in SHAPES[:24]:
        canvas = shape.canvas(0.125)
        inside = np.argwhere(shape.skin_depth > 0) * CELL_PX / 8
        assert canvas.row0 <= inside[:, 0].min()
        assert inside[:, 0].max() <= canvas.row0 + canvas.height
        assert inside[:, 1].max() <= canvas.width


def test_breasts_fill_their_box_as_real_ones_do() -> None:
    """Real: 0.68 in CC and 0.81 to 0.84 in MLO (four images); an ellipse would fill 0.785 of its box."""
    filled: dict[bool, list[float]] = {True: [], False: []}
    for shape in SHAPES:
        inside = shape.skin_depth > 0
        box = inside[np.ix_(inside.any(axis=1), inside.any(axis=0))]
        filled[shape.pectoral is None].append(float(box.mean()))
    assert np.mean(filled[True]) == pytest.approx(0.68, rel=0.1)
    assert np.mean(filled[False]) == pytest.approx(0.82, rel=0.1)


def test_only_the_axilla_reaches_the_edge_of_the_image() -> None:
    for shape in SHAPES:
        assert (shape.top == 0) == (shape.pectoral is not None)
        assert shape.skin_depth[-1].max() == 0


def test_a_patients_breasts_have_similar_sizes_in_both_views() -> None:
    depth = np.array([shape.depth for shape in SHAPES]).reshape(30, 4)
    across = depth.mean(axis=1).std()
    assert across > 2 * depth.std(axis=1).mean()
    assert np.abs(depth[:, 0] - depth[:, 1]).max() < 143  # nipple to chest wall agrees within 10 mm between CC and MLO


def test_skin_depth_is_the_distance_to_the_nearest_background() -> None:
    shape = draw_shape(Key(1, 4, Laterality.LEFT, View.CC))
    depth = shape.skin_depth
    outside = np.argwhere(depth == 0) * CELL_PX
    for row, col in np.argwhere(depth > 0)[::4001]:
        brute = np.hypot(*(outside - (row * CELL_PX, col * CELL_PX)).T).min()
        assert depth[row, col] == pytest.approx(brute, rel=0.03, abs=CELL_PX)


def test_the_muscle_lies_in_the_upper_chest_wall_corner_of_mlo_only() -> None:
    rows, cols = np.float32([[10], [2800]]), np.float32([[10, 1800]])
    cc = draw_shape(Key(0, 1, Laterality.LEFT, View.CC)).pectoral_depth(rows, cols)
    mlo = draw_shape(Key(0, 1, Laterality.LEFT, View.MLO)).pectoral_depth(rows, cols)
    assert (cc < 0).all()
    assert mlo[0, 0] > 0
    assert mlo[0, 1] < 0
    assert mlo[1, 0] < 0


def test_skin_is_a_line_with_a_soft_edge_and_the_given_thickness() -> None:
    depth = np.arange(0, 200, dtype=np.float32)
    line = skin_line(depth, SKIN_PX)
    assert line[0] == 0
    assert 5 < line.argmax() < SKIN_PX
    assert (line[depth > SKIN_PX + 40] == 0).all()
    thicker = skin_line(depth, SKIN_PX + 20)
    assert (thicker >= line).all()
    wide = [(x > SKIN_BRIGHTNESS / 2).sum() for x in (line, thicker)]
    assert abs(wide[1] - wide[0] - 20) < 4


def test_the_breast_thins_only_towards_the_skin() -> None:
    factor = falloff(np.arange(0, 400, dtype=np.float32))
    assert factor[0] == 0
    assert (np.diff(factor) >= 0).all()
    assert (factor[200:] == 1).all()


def test_densities_have_the_shares_of_a_screening_population() -> None:
    """BI-RADS atlas, 5th edition: A 10 %, B 40 %, C 40 %, D 10 %."""
    densities = [draw_breast(CohortSpec(seed=3), p, Laterality.LEFT, View.CC).density for p in range(1, 1501)]
    assert DENSITY_SHARES == (0.1, 0.4, 0.4, 0.1)
    assert np.bincount(densities) / 1500 == pytest.approx(DENSITY_SHARES, abs=0.04)


def test_breasts_of_one_patient_have_similar_composition() -> None:
    keys = [Key(0, p, side, view) for p in range(1, 61) for side in Laterality for view in View]
    builds = np.array([astuple(draw_composition(key, 1)) for key in keys]).reshape(60, 4, -1)
    within, between = builds.std(axis=1).mean(axis=0), builds.mean(axis=1).std(axis=0)
    assert (between > 1.3 * within).all()


def test_density_changes_only_the_glands() -> None:
    key = Key(0, 1, Laterality.LEFT, View.CC)
    fatty, dense = (astuple(draw_composition(key, density)) for density in (0, 3))
    assert fatty[0] < dense[0]
    assert fatty[1:] == dense[1:]
