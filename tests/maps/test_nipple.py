"""The nipple on drawn outlines, whose farthest point is known, and on synthetic breasts, whose nipple is known."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Frame
from mammo.intake.frames import Placed, place
from mammo.intake.rasters import read_raster
from mammo.maps.nipple import TILT, find_nipple
from mammo.maps.view_geometry import FULL_PX_MM, TOLERANCE_MM
from mammo.phantoms.canvas import PIXEL_MM
from mammo.phantoms.image import draw_image, plan_image
from mammo.phantoms.spec import CohortSpec
from mammo.records import Laterality, View

FRAME = Frame(368, 240, 8)
"""An eighth of full size: a pixel is 0.56 mm."""

ROWS, COLS = np.mgrid[: FRAME.height, : FRAME.width] + 0.5
HALF_ELLIPSE = ((ROWS - 180) / 150) ** 2 + (COLS / 120) ** 2 < 1


def found_in(mask: NDArray[np.bool_], view: View) -> tuple[float, float] | None:
    """The nipple of a breast with this mask, one value per pixel of the network window."""
    shares = mask.reshape(FRAME.grid[0], FRAME.cell_px, FRAME.grid[1], FRAME.cell_px).mean(axis=(1, 3))
    return find_nipple(shares, view, FRAME)


def test_the_nipple_of_cc_is_the_rightmost_point() -> None:
    assert found_in(HALF_ELLIPSE, View.CC) == pytest.approx((180, 120), abs=2)


def test_the_nipple_of_mlo_is_the_farthest_point_in_a_tilted_direction() -> None:
    far = np.array([np.sin(np.radians(TILT[View.MLO])), np.cos(np.radians(TILT[View.MLO]))])
    half_axes = np.array([150, 120])
    expected = np.array([180, 0]) + half_axes**2 * far / np.hypot(*(half_axes * far))
    assert found_in(HALF_ELLIPSE, View.MLO) == pytest.approx(tuple(expected), abs=3)


def test_the_place_is_finer_than_a_cell() -> None:
    """Moving the breast by a quarter of a cell moves the nipple as much."""
    rows = [found_in(((ROWS - 180 - 2 * step) / 150) ** 2 + (COLS / 120) ** 2 < 1, View.CC) for step in range(4)]
    assert [row[0] for row in rows if row] == pytest.approx([180, 182, 184, 186], abs=1.5)


def test_a_breast_cut_by_the_image_has_its_nipple_in_the_middle_of_the_cut() -> None:
    found = found_in(HALF_ELLIPSE & (COLS < 110), View.CC)
    assert found
    assert found[0] == pytest.approx(180, abs=2)


def test_an_axilla_wider_than_the_breast_is_not_its_nipple() -> None:
    axilla = 140 - 1.5 * ROWS > COLS
    neck = (ROWS < 100) & (COLS < 70)
    found = found_in(HALF_ELLIPSE | axilla | neck, View.CC)
    assert found
    assert found[0] == pytest.approx(180, abs=3)


@pytest.mark.parametrize("falling", [True, False])
def test_an_outline_that_only_rises_or_falls_has_no_nipple(falling: bool) -> None:
    wedge = (FRAME.height - ROWS if falling else ROWS) / 3 + 20 > COLS
    assert found_in(wedge, View.CC) is None


def test_a_grid_without_tissue_has_no_nipple() -> None:
    assert find_nipple(np.zeros(FRAME.grid), View.CC, FRAME) is None


def placed(pixels: NDArray[np.uint16], side: Laterality, view: View) -> Placed:
    return place(pixels, side, view, FRAME, 1, check_side=True)


@pytest.mark.parametrize("view", View)
def test_labels_beside_and_at_the_skin_do_not_move_the_nipple(view: View) -> None:
    bare = np.where(HALF_ELLIPSE, 1500, 0).astype(np.uint16)
    labeled = bare.copy()
    labeled[20:50, 200:230] = 4000  # beside the breast
    labeled[100:106, 100:160] = 4000  # a line of 3 mm across the skin
    found = [placed(pixels, Laterality.LEFT, view) for pixels in (bare, labeled)]
    nipples = [find_nipple(one.tissue, view, FRAME) for one in found]
    assert nipples[0]
    assert nipples[1] == pytest.approx(nipples[0], abs=3)


def test_the_nipples_of_synthetic_breasts_are_found_within_millimeters() -> None:
    """Median within 5 mm and 95th percentile within 10 mm, over both views."""
    spec, errors = CohortSpec(seed=6), []
    for patient in range(1, 11):
        side = Laterality.LEFT if patient % 2 else Laterality.RIGHT
        for view in View:
            plan = plan_image(spec, patient, side, view)
            image = placed(draw_image(plan).pixels, side, view)
            found = find_nipple(image.tissue, view, FRAME)
            assert found
            away = image.chain.network_to_stored(found) - plan.nipple
            errors.append(np.hypot(*away) / plan.scale * PIXEL_MM)
    assert np.median(errors) <= 5
    assert np.percentile(errors, 95) <= 10


MARKERS = {"L-CC": (884, 715), "R-CC": (1266, 705), "L-MLO": (2022, 881), "R-MLO": (1925, 901)}
"""Metal markers on the nipples of the real exam, (row, col), px of the images that face right."""

LESION = {"R-CC": (1868.0, 449.5), "R-MLO": (1863.5, 551.0)}
"""Middle of its lesion in both views, network px."""


@pytest.mark.skipif(not os.environ.get("MAMMO_REAL_EXAM"), reason="MAMMO_REAL_EXAM is not set")
def test_the_nipples_of_the_real_exam_lie_near_their_markers_and_its_lesion_as_far_from_both() -> None:
    full, distances = Frame(2944, 1920, 64), []
    for name, marker in MARKERS.items():
        view = View(name[2:])
        pixels = read_raster(Path(os.environ["MAMMO_REAL_EXAM"]) / "images" / f"0_{name}.png").values
        image = place(pixels, Laterality(name[0]), view, full, 1, check_side=True)
        nipple = find_nipple(image.tissue, view, full)
        assert nipple
        assert np.hypot(*(np.add(nipple, image.chain.origin) - marker)) * FULL_PX_MM < 10
        if name in LESION:
            distances.append(np.hypot(*np.subtract(LESION[name], nipple)) * FULL_PX_MM)
    assert abs(distances[0] - distances[1]) < TOLERANCE_MM / 2
