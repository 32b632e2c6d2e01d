from pathlib import Path

import cv2
import numpy as np
import pytest

from mammo.geometry import Box
from mammo.intake.outlines import clipped, outline_of_file, outline_of_polygon


def test_a_polygon_holds_the_pixels_whose_centres_it_encloses() -> None:
    mask, box = outline_of_polygon("10,20;10,25;13,25;13,20", (50, 50))
    assert box == Box(10, 13, 20, 25)
    assert mask.all()


def test_a_polygon_against_pointwise_counting() -> None:
    corners = np.array([(3.2, 4.1), (17.7, 9.3), (11.1, 28.6)])
    mask, box = outline_of_polygon(";".join(f"{r},{c}" for r, c in corners), (40, 40))
    whole = np.zeros((40, 40), bool)
    whole[box.row0 : box.row1, box.col0 : box.col1] = mask
    for row in range(40):
        for col in range(40):
            edges = [(corners[k], corners[(k + 1) % 3]) for k in range(3)]
            sides = [(b[0] - a[0]) * (col + 0.5 - a[1]) - (b[1] - a[1]) * (row + 0.5 - a[0]) for a, b in edges]
            assert whole[row, col] == (min(sides) > 0 or max(sides) < 0)


@pytest.mark.parametrize("text", ["", "1,2;3,4", "a,b;c,d;e,f", "1,2,3;4,5,6;7,8,9", "1,1;1,nan;3,3"])
def test_what_is_no_polygon(text: str) -> None:
    with pytest.raises(ValueError, match="three or more points"):
        outline_of_polygon(text, (50, 50))


@pytest.mark.parametrize("text", ["-1,0;5,5;0,5", "0,0;60,0;0,10"])
def test_a_polygon_outside_its_image(text: str) -> None:
    with pytest.raises(ValueError, match="leaves its image"):
        outline_of_polygon(text, (50, 50))


def test_masks_of_files(tmp_path: Path) -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[4:9, 7:8] = 1
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    got, box = outline_of_file(tmp_path / "m.png", (30, 40))
    assert box == Box(4, 9, 7, 8)
    assert got.all()
    with pytest.raises(ValueError, match="30 x 40, but its image is 30 x 41"):
        outline_of_file(tmp_path / "m.png", (30, 41))
    cv2.imwrite(str(tmp_path / "m.png"), mask * 0)
    with pytest.raises(ValueError, match="empty mask"):
        outline_of_file(tmp_path / "m.png", (30, 40))


def test_clipping_keeps_what_is_inside() -> None:
    mask, box = clipped(np.ones((4, 4), bool), Box(-2, 2, 8, 12), (10, 10))
    assert box == Box(0, 2, 8, 10)
    assert mask.shape == (2, 2)
    with pytest.raises(ValueError, match="empty mask"):
        clipped(np.ones((4, 4), bool), Box(20, 24, 0, 4), (10, 10))
