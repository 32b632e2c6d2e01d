import numpy as np
import pytest

from mammo.geometry import Box, Frame, FrameChain
from mammo.maps.landmarks import landmarks
from mammo.store.manifest import Manifest
from mammo.store.schema import chain_values, tissue_values

FRAME = Frame(368, 240, 8)
CHAIN = FrameChain((416, 320), True, Box(3, 400, 20, 200), 0.5, (-4, 7), FRAME)
ROWS, COLS = np.indices(FRAME.grid)
HALF_ELLIPSE = np.where(((ROWS - 20) / 15) ** 2 + (COLS / 12.0) ** 2 < 1, 1.0, 0.0)


def manifest(spacing_mm: float, tissue: np.ndarray = HALF_ELLIPSE) -> Manifest:
    row = {"image_id": "a", "view": "CC", "spacing_mm": spacing_mm, **chain_values(CHAIN)}
    return Manifest.of(FRAME, [row | tissue_values(tissue)], [])


def test_landmarks_lie_where_the_chain_takes_the_breast_box() -> None:
    found = landmarks(manifest(0.08))("a")
    corners = [(3, 320 - 20), (400, 320 - 200)]  # of the breast box, stored px
    expected = [tuple(CHAIN.stored_to_network(corner)) for corner in corners]
    assert found.top_left == pytest.approx(expected[0])
    assert found.bottom_right == pytest.approx(expected[1])
    assert found.nipple == pytest.approx((20.5 * 8, 12 * 8), abs=4)
    assert found.px_mm == pytest.approx(0.16)


def test_a_nipple_that_is_not_found_and_an_unknown_spacing_are_none() -> None:
    found = landmarks(manifest(0.0, np.zeros(FRAME.grid)))("a")
    assert (found.nipple, found.px_mm) == (None, None)
