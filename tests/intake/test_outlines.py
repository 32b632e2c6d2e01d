import numpy as np
import pytest

from mammo.geometry import Box
from mammo.intake.outlines import (
    clipped,
    outline_of_box,
    outline_of_circle,
    outline_of_mask,
    outline_of_polygon,
    scaled_to,
    union,
)
from mammo.intake.rejections import Code, RejectedError


def test_a_polygon_covers_the_pixels_whose_centers_it_encloses() -> None:
    mask, box = outline_of_polygon([(10, 20), (10, 25), (13, 25), (13, 20)], (50, 50))
    assert box == Box(10, 13, 20, 25)
    assert mask.all()


def test_a_polygon_equals_pointwise_tests() -> None:
    corners = np.array([(3.2, 4.1), (17.7, 9.3), (11.1, 28.6)])
    mask, box = outline_of_polygon(corners, (40, 40))
    whole = np.zeros((40, 40), bool)
    whole[box.row0 : box.row1, box.col0 : box.col1] = mask
    for row in range(40):
        for col in range(40):
            edges = [(corners[k], corners[(k + 1) % 3]) for k in range(3)]
            sides = [(b[0] - a[0]) * (col + 0.5 - a[1]) - (b[1] - a[1]) * (row + 0.5 - a[0]) for a, b in edges]
            assert whole[row, col] == (min(sides) > 0 or max(sides) < 0)


@pytest.mark.parametrize("points", [[], [(1, 2), (3, 4)], [(1, 2, 3)] * 3, [(1, 1), (1, np.nan), (3, 3)]])
def test_points_that_form_no_polygon_are_rejected(points: list[tuple[float, ...]]) -> None:
    with pytest.raises(RejectedError, match=Code.OUTLINE_BROKEN):
        outline_of_polygon(points, (50, 50))


def test_a_polygon_is_clipped_to_its_image() -> None:
    mask, box = outline_of_polygon([(-10, -10), (-10, 5), (7, 5), (7, -10)], (50, 50))
    assert box == Box(0, 7, 0, 5)
    assert mask.all()
    mask, box = outline_of_polygon([(0, 0), (1e9, 0), (1e9, 1e9), (0, 1e9)], (50, 40))
    assert box == Box(0, 50, 0, 40)
    with pytest.raises(RejectedError, match=Code.OUTLINE_EMPTY):
        outline_of_polygon([(60, 60), (60, 70), (70, 70)], (50, 50))


def test_a_polygon_without_a_pixel_center_covers_the_pixel_under_it() -> None:
    mask, box = outline_of_polygon([(10.1, 20.1), (10.2, 20.1), (10.2, 20.3)], (50, 50))
    assert (box, mask.tolist()) == (Box(10, 11, 20, 21), [[True]])


def test_a_box_covers_every_pixel_that_it_touches_inside_its_image() -> None:
    assert outline_of_box((1.5, 3, 2, 4.2), (50, 50))[1] == Box(1, 3, 2, 5)
    assert outline_of_box((60, 45, 10, -3), (50, 50))[1] == Box(45, 50, 0, 10)
    for edges in ((5, 5, 1, 2), (60, 70, 1, 2), (5.5, 5.5, 3.5, 3.5)):  # the last one is a point inside a pixel
        with pytest.raises(RejectedError, match=Code.OUTLINE_EMPTY):
            outline_of_box(edges, (50, 50))
    with pytest.raises(RejectedError, match=Code.OUTLINE_BROKEN):
        outline_of_box((float("nan"), 2, 1, 2), (50, 50))


@pytest.mark.parametrize(
    ("center", "radius"), [((20, 25), 7.3), ((20.5, 25.5), 0.6), ((2, 39), 9), ((-3, 20), 5), ((20, 20), 1e6)]
)
def test_a_circle_covers_the_pixels_whose_centers_it_holds(center: tuple[float, float], radius: float) -> None:
    mask, box = outline_of_circle(center, radius, (50, 40))
    whole = np.zeros((50, 40), bool)
    whole[box.row0 : box.row1, box.col0 : box.col1] = mask
    for row in range(50):
        for col in range(40):
            assert whole[row, col] == (np.hypot(row + 0.5 - center[0], col + 0.5 - center[1]) <= radius)


def test_a_circle_without_a_pixel_center_covers_the_pixel_under_it_and_one_outside_is_rejected() -> None:
    mask, box = outline_of_circle((10.1, 20.1), 0.2, (50, 40))
    assert (box, mask.tolist()) == (Box(10, 11, 20, 21), [[True]])
    for center, radius, code in (
        ((-6, 20), 5, Code.OUTLINE_EMPTY),
        ((20, 46), 5, Code.OUTLINE_EMPTY),
        ((20, 20), -1, Code.OUTLINE_BROKEN),
        ((20, 20), 0, Code.OUTLINE_BROKEN),
        ((20, float("nan")), 5, Code.OUTLINE_BROKEN),
        ((20, 20), float("inf"), Code.OUTLINE_BROKEN),
        ((20, 20), 1e308, Code.OUTLINE_BROKEN),
    ):
        with pytest.raises(RejectedError, match=code):
            outline_of_circle(center, radius, (50, 40))


def test_a_mask_is_scaled_and_one_of_another_aspect_ratio_rejected() -> None:
    mask = np.zeros((40, 30), bool)
    mask[10:20, 6:12] = True
    assert Box.around(scaled_to(mask, (80, 60))) == Box(20, 40, 12, 24)
    assert scaled_to(mask, (40, 30)) is mask
    with pytest.raises(RejectedError, match=Code.OUTLINE_SIZE):
        scaled_to(mask, (40, 31))


def test_parts_of_a_lesion_become_one_outline() -> None:
    mask, box = union([(np.ones((2, 2), bool), Box(0, 2, 5, 7)), (np.ones((1, 3), bool), Box(3, 4, 0, 3))])
    assert box == Box(0, 4, 0, 7)
    assert mask.sum() == 7


def test_clipping_keeps_what_is_inside() -> None:
    mask, box = clipped(np.ones((4, 4), bool), Box(-2, 2, 8, 12), (10, 10))
    assert box == Box(0, 2, 8, 10)
    assert mask.shape == (2, 2)
    with pytest.raises(RejectedError, match=Code.OUTLINE_EMPTY):
        clipped(np.ones((4, 4), bool), Box(20, 24, 0, 4), (10, 10))
    with pytest.raises(RejectedError, match=Code.OUTLINE_EMPTY):
        outline_of_mask(np.zeros((3, 3), bool))
