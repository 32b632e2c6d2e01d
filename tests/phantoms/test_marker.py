import cv2
import numpy as np
import pytest

from mammo.phantoms.canvas import stored_shape
from mammo.phantoms.detector import DETECTORS, Detector
from mammo.phantoms.image import draw_image, plan_image
from mammo.phantoms.marker import draw_marker
from mammo.phantoms.randomness import Key
from mammo.phantoms.spec import CohortSpec
from mammo.records import Laterality, View


def marked(side: Laterality, view: View, detector: Detector, scale: float) -> np.ndarray:
    sheet = np.zeros(stored_shape(detector.scale(scale)), np.uint16)
    draw_marker(Key(0, 1, side, view), detector, sheet, detector.scale(scale))
    return sheet


@pytest.mark.parametrize("scale", [0.125, 1.0])
@pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.manufacturer)
def test_the_marker_lies_in_the_upper_corner_off_the_chest_wall(detector: Detector, scale: float) -> None:
    for side in Laterality:
        for view in View:
            rows, cols = np.nonzero(marked(side, view, detector, scale))
            height, width = stored_shape(detector.scale(scale))
            if side is Laterality.RIGHT:
                cols = width - 1 - cols
            assert rows.min() > 0.02 * height
            assert rows.max() < 0.2 * height
            assert cols.min() > 0.74 * width  # no breast is so deep
            assert cols.max() < width - 1


def test_letters_are_not_mirrored_on_the_other_side() -> None:
    detector = DETECTORS[0]
    left, right = marked(Laterality.LEFT, View.CC, detector, 1), marked(Laterality.RIGHT, View.CC, detector, 1)
    found = cv2.matchTemplate(
        (right > 0).astype(np.float32), cut(left, last=True).astype(np.float32), cv2.TM_CCORR_NORMED
    ).max()
    mirrored = cv2.matchTemplate(
        (right[:, ::-1] > 0).astype(np.float32), cut(left, last=True).astype(np.float32), cv2.TM_CCORR_NORMED
    ).max()
    assert found > 0.99
    assert mirrored < 0.9


def cut(sheet: np.ndarray, last: bool) -> np.ndarray:
    """The right half of a marker, its view, in a tight box."""
    rows, cols = np.nonzero(sheet)
    middle = (cols.min() + cols.max()) // 2 if last else cols.min()
    return (sheet[rows.min() : rows.max() + 1, middle : cols.max() + 1] > 0).astype(np.uint8)


def test_a_marker_never_covers_the_breast() -> None:
    for patient in range(1, 13):
        for view in View:
            plan = plan_image(CohortSpec(seed=3), patient, Laterality.LEFT, view)
            pixels = draw_image(plan).pixels
            count, parts = cv2.connectedComponents((pixels > 0).astype(np.uint8))
            sizes = np.bincount(parts.ravel())[1:]
            assert count > 2
            assert sizes.max() > 20 * np.delete(sizes, sizes.argmax()).sum()
