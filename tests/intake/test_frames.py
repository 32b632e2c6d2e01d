import numpy as np
import pytest
from numpy.typing import NDArray

from mammo.geometry import Box, Frame, FrameChain
from mammo.intake.frames import area_means, place, store_pixels, tissue_shares
from mammo.phantoms.detector import DETECTORS
from mammo.phantoms.image import draw_image, plan_image
from mammo.phantoms.spec import CohortSpec
from mammo.records import Laterality, View

RNG = np.random.default_rng(0)
FRAME = Frame(64, 48, 8)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("scale", [1.0, 0.125, 0.3])
def test_a_bright_pixel_arrives_where_the_chain_maps_it(mirrored: bool, scale: float) -> None:
    chain = FrameChain((200, 150), mirrored, Box(13, 187, 3, 139), scale, (-4, 2), FRAME)
    for row, col in RNG.integers((20, 20), (180, 130), size=(20, 2)):
        stored = np.zeros((200, 150), np.uint16)
        stored[row, col] = 4095
        pixels = store_pixels(chain, stored)
        assert pixels.shape == chain.store_shape
        center = chain.stored_to_network((row + 0.5, col + 0.5)) + chain.origin
        weights = pixels / pixels.sum()
        found = [(weights.sum(axis=1 - axis) * (np.arange(pixels.shape[axis]) + 0.5)).sum() for axis in (0, 1)]
        assert np.abs(found - center).max() <= 0.5 + 0.02 / scale
        if scale == 1:
            assert np.allclose(found, center)


def test_scaling_keeps_the_mean_of_every_block() -> None:
    stored = RNG.integers(0, 4096, (64, 48)).astype(np.uint16)
    chain = FrameChain((64, 48), False, Box(8, 64, 0, 48), 0.125, (0, 0), FRAME)
    blocks = stored[8:].reshape(7, 8, 6, 8).mean(axis=(1, 3))
    assert np.array_equal(store_pixels(chain, stored), np.round(blocks).astype(np.uint16))


@pytest.mark.parametrize(
    ("start", "step"), [((0, 0), 1), ((-3.25, 2.5), 4.7), ((5, -8), 8), ((12.4, 7.9), 0.3), ((30, 30), 9)]
)
def test_area_means_equal_supersampling(start: tuple[float, float], step: float) -> None:
    values = RNG.integers(0, 100, (21, 17))
    fine = np.kron(values, np.ones((20, 20)))
    for i in range(4):
        for j in range(3):
            edges = [(start[axis] + n * step, start[axis] + (n + 1) * step) for axis, n in ((0, i), (1, j))]
            (r0, r1), (c0, c1) = [(max(round(a * 20), 0), max(round(b * 20), 0)) for a, b in edges]
            mean = area_means(values, start, step, (4, 3))[i, j]
            assert mean == pytest.approx(fine[r0:r1, c0:c1].sum() / 400 / step**2, abs=1e-6 if step != 0.3 else 1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_tissue_shares_equal_counted_pixels(mirrored: bool) -> None:
    tissue = RNG.random((90, 70)) < 0.6
    chain = FrameChain((90, 70), mirrored, Box(5, 85, 2, 66), 1, (-7, 3), FRAME)
    shares = tissue_shares(chain, tissue)
    for i in range(FRAME.grid[0]):
        for j in range(FRAME.grid[1]):
            rows, cols = range(5 - 7 + i * 8, 5 - 7 + i * 8 + 8), range(2 + 3 + j * 8, 2 + 3 + j * 8 + 8)
            count = sum(0 <= r < 90 and 0 <= c < 70 and bool(tissue[r, c]) for r in rows for c in cols)
            assert shares[i, j] == pytest.approx(count / 64)


@pytest.mark.parametrize("view", View)
def test_an_image_and_its_mirror_image_are_placed_alike(half_disc: NDArray[np.uint16], view: View) -> None:
    frame = Frame(368, 240, 8)
    left = place(half_disc, Laterality.LEFT, view, frame, 1, check_side=True)
    right = place(half_disc[:, ::-1], Laterality.RIGHT, view, frame, 1, check_side=True)
    assert right.chain.mirrored
    assert not left.chain.mirrored
    assert np.array_equal(left.pixels, right.pixels)
    assert np.array_equal(left.tissue, right.tissue)
    assert left.chain.breast == right.chain.breast
    assert left.chain.origin == right.chain.origin


def test_a_large_image_scaled_down_lands_in_the_small_frame(half_disc: NDArray[np.uint16]) -> None:
    large = np.kron(half_disc, np.ones((8, 8), np.uint16))
    frame = Frame(368, 240, 8)
    small, scaled = (
        place(pixels, Laterality.LEFT, View.CC, frame, scale, check_side=True)
        for pixels, scale in ((half_disc, 1), (large, 0.125))
    )
    assert np.abs(np.subtract(scaled.chain.store_shape, small.chain.store_shape)).max() <= 2
    assert np.abs(np.subtract(scaled.chain.origin, small.chain.origin)).max() <= 2
    assert np.abs(scaled.tissue - small.tissue).max() < 0.35


def test_markers_do_not_move_the_window_and_every_detectors_breast_fits_into_it() -> None:
    frame, detectors = Frame(368, 240, 8), set()
    for patient in range(1, 13):
        for side in Laterality:
            for view in View:
                plan = plan_image(CohortSpec(seed=6), patient, side, view)
                stored = draw_image(plan).pixels
                height, width = stored.shape
                off = slice(round(0.74 * width), None) if side is Laterality.LEFT else slice(0, round(0.26 * width))
                bare = stored.copy()
                bare[: height // 5, off] = 0
                assert (bare != stored).any()
                placed = place(stored, side, view, frame, 1.0, check_side=True)
                assert placed.chain == place(bare, side, view, frame, 1.0, check_side=True).chain
                shown = placed.tissue.sum() * 64
                assert shown > (0.97 if view is View.CC else 0.8) * (bare > 0).sum()
                detectors.add(plan.detector)
    assert detectors == set(DETECTORS)


@pytest.mark.parametrize("faces_left", [True, False])
def test_a_stated_direction_outranks_pixels_and_laterality(half_disc: NDArray[np.uint16], faces_left: bool) -> None:
    for stored in (half_disc, np.zeros_like(half_disc)):
        placed = place(stored, Laterality.LEFT, View.CC, Frame(128, 128, 16), 1, True, faces_left)
        assert placed.chain.mirrored == faces_left
