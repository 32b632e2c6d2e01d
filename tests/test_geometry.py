"""Frames, boxes, crop windows and masks, against hand-made cases and brute force."""

from math import cos, radians, sin

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mammo.geometry import CORNERS, Box, CropWindow, CropWindows, Frame, FrameChain, rotate

PAPER = Frame(2944, 1920, 64)
SCALES = (1.0, 1 / 8, 1 / 3, 0.37)


@st.composite
def chains(draw: st.DrawFn) -> FrameChain:
    """Any image's chain: a breast box within the stored pixels, a window that may start outside of it."""
    rows, cols = draw(st.integers(40, 4000)), draw(st.integers(40, 3000))
    row0, col0 = draw(st.integers(0, rows - 20)), draw(st.integers(0, cols - 20))
    breast = Box(row0, draw(st.integers(row0 + 10, rows)), col0, draw(st.integers(col0 + 10, cols)))
    origin = (draw(st.integers(-500, 500)), draw(st.integers(-500, 500)))
    return FrameChain((rows, cols), draw(st.booleans()), breast, draw(st.sampled_from(SCALES)), origin, PAPER)


POINTS = st.lists(st.tuples(st.floats(-100, 5000), st.floats(-100, 5000)), min_size=1, max_size=5)
WINDOWS = st.builds(
    CropWindow, st.floats(-50, 3000), st.floats(-50, 2000), st.floats(1, 400), st.floats(-180, 180, allow_nan=False)
)


def chain_of(scale: float, mirrored: bool, origin: tuple[int, int] = (-4, 7)) -> FrameChain:
    """A small chain whose breast box touches no border."""
    return FrameChain((50, 40), mirrored, Box(3, 47, 2, 37), scale, origin, Frame(64, 64, 8))


# ---- Box


def test_box_is_half_open() -> None:
    box = Box(2, 5, 10, 11)
    assert (box.height, box.width) == (3, 1)
    assert np.ones((20, 20))[box.row0 : box.row1, box.col0 : box.col1].shape == (3, 1)


@pytest.mark.parametrize("edges", [(3, 3, 0, 1), (0, 1, 3, 3), (5, 2, 0, 1), (0, 1, 5, 2)])
def test_an_empty_box_is_rejected(edges: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="empty box"):
        Box(*edges)


def test_shifting_moves_rows_and_columns() -> None:
    assert Box(1, 3, 2, 6).shifted(10, -2) == Box(11, 13, 0, 4)


@given(st.sets(st.tuples(st.integers(0, 8), st.integers(0, 6)), min_size=1))
def test_box_around_is_the_smallest(inside: set[tuple[int, int]]) -> None:
    mask = np.zeros((9, 7), dtype=np.bool_)
    for point in inside:
        mask[point] = True
    rows, cols = zip(*inside, strict=True)
    assert Box.around(mask) == Box(min(rows), max(rows) + 1, min(cols), max(cols) + 1)


def test_a_box_around_nothing_is_rejected() -> None:
    with pytest.raises(ValueError, match="empty mask"):
        Box.around(np.zeros((3, 3), dtype=np.bool_))


# ---- Frame


def test_the_frame_of_the_paper_has_its_grid() -> None:
    assert PAPER.grid == (46, 30)
    assert PAPER.fineness == 1


def test_a_small_frame_has_the_same_grid() -> None:
    small = Frame(368, 240, 8)
    assert small.grid == PAPER.grid
    assert small.fineness == 1 / 8


@pytest.mark.parametrize("sizes", [(2945, 1920, 64), (2944, 1900, 64), (64, 64, 0), (64, 64, -8)])
def test_a_frame_must_be_a_whole_number_of_cells(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Frame(*sizes)


# ---- CropWindow


def test_an_upright_window_is_a_square() -> None:
    window = CropWindow(100, 50, 20)
    assert window.corners() == pytest.approx(np.array([(90, 40), (90, 60), (110, 60), (110, 40)]))


def test_a_positive_angle_turns_the_right_edge_down() -> None:
    right = CropWindow(100, 50, 20, angle=30).to_frame((0, 0.5))
    assert right == pytest.approx((100 + 10 * sin(radians(30)), 50 + 10 * cos(radians(30))))


def test_a_quarter_turn_puts_the_top_left_corner_at_the_top_right() -> None:
    upright, rotated = CropWindow(8, 8, 4).corners(), CropWindow(8, 8, 4, angle=90).corners()
    assert rotated == pytest.approx(np.roll(upright, -1, axis=0))


@given(WINDOWS, st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=4))
def test_from_frame_is_the_inverse_of_to_frame(window: CropWindow, local: list[tuple[float, float]]) -> None:
    assert window.from_frame(window.to_frame(local)) == pytest.approx(np.array(local), abs=1e-9)


@given(WINDOWS)
def test_a_window_is_a_square_of_its_side(window: CropWindow) -> None:
    corners = window.corners()
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    assert sides == pytest.approx(np.full(4, window.side), rel=1e-9)
    assert np.linalg.norm(corners[0] - corners[2]) == pytest.approx(window.side * 2**0.5)
    assert corners.mean(axis=0) == pytest.approx((window.row, window.col))


@pytest.mark.parametrize("angle", [0, 17, -30, 45, 90, 133])
def test_contains_agrees_with_the_sides_of_the_square(angle: float) -> None:
    window = CropWindow(20.3, 18.7, 13.1, angle)
    centers = np.stack(np.mgrid[0:40, 0:40], axis=-1) + 0.5
    corners = window.corners()
    within = np.ones(centers.shape[:2], dtype=np.bool_)
    for corner, following in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along, towards = following - corner, centers - corner
        within &= towards[..., 0] * along[1] - towards[..., 1] * along[0] >= 0  # clockwise: inside is on the right
    assert np.array_equal(window.contains(centers), within)
    assert within.sum() == pytest.approx(13.1**2, rel=0.05)


def test_contains_is_half_open_like_boxes() -> None:
    window = CropWindow(10, 10, 4)
    assert window.contains([(8, 8), (11.99, 11.99)]).tolist() == [True, True]
    assert window.contains([(12, 9), (9, 12), (7.99, 9)]).tolist() == [False, False, False]


def test_points_keep_their_shape() -> None:
    window = CropWindow(10, 10, 4, 12)
    assert window.contains(np.zeros((3, 5, 2))).shape == (3, 5)
    assert window.contains((10, 10)).shape == ()
    assert window.to_frame((0.0, 0.0)).shape == (2,)


@given(WINDOWS, st.floats(-200, 3000), st.floats(1, 400))
def test_squares_with_a_point_of_the_window_may_touch_it(window: CropWindow, row: float, side: float) -> None:
    shares = np.linspace(-0.5, 0.5, 9)
    points = window.to_frame(np.stack(np.meshgrid(shares, shares), axis=-1)).reshape(-1, 2)
    cols = points[np.abs(points[:, 0] - row) <= side / 2, 1]
    first, last = window.squares_touched(row, side + 1e-6)
    assert ((first <= cols - side / 2) & (cols + side / 2 <= last)).all()


def test_squares_beyond_a_side_of_the_window_do_not_touch_it() -> None:
    window = CropWindow(0, 0, 100, angle=45)
    first, last = window.squares_touched(0, 10)
    assert last == pytest.approx(50 * 2**0.5 + 10)  # half the window's diagonal and a square's side
    assert first == -last
    assert window.squares_touched(40, 10) == pytest.approx((40 - last, last - 40))
    first, last = window.squares_touched(81, 10)
    assert first > last
    assert CropWindow(0, 0, 100).squares_touched(54, 10) == (-55, 55)
    assert CropWindow(0, 0, 100).squares_touched(56, 10) == (np.inf, -np.inf)


def test_windows_in_arrays_and_tensors_equal_single_ones_bit_for_bit() -> None:
    values = np.random.default_rng(0).uniform((-50, -50, 1, -180), (3000, 2000, 400, 180), (500, 4))
    values[::7, 3] = 0
    expected = np.stack([CropWindow(*value).corners() for value in values.tolist()])
    assert CropWindows(values).to_frame(np.array([CORNERS])).tobytes() == expected.tobytes()
    rows, cols = (torch.tensor(CORNERS, dtype=torch.float64) * torch.from_numpy(values[:, 2, None, None])).unbind(-1)
    cos_sin = [torch.from_numpy(part[:, None]) for part in CropWindows(values).cos_sin]
    center = torch.from_numpy(values[:, 0, None]), torch.from_numpy(values[:, 1, None])
    assert torch.stack(rotate(rows, cols, (cos_sin[0], cos_sin[1]), center), -1).numpy().tobytes() == expected.tobytes()


# ---- FrameChain: points


@given(chains(), POINTS)
def test_network_to_stored_inverts_stored_to_network(chain: FrameChain, points: list[tuple[float, float]]) -> None:
    network = chain.stored_to_network(points)
    assert chain.network_to_stored(network) == pytest.approx(np.array(points), abs=1e-6)


@given(chains(), POINTS)
def test_grid_to_network_inverts_network_to_grid(chain: FrameChain, points: list[tuple[float, float]]) -> None:
    assert chain.grid_to_network(chain.network_to_grid(points)) == pytest.approx(np.array(points), abs=1e-9)


def test_every_step_by_hand() -> None:
    chain = FrameChain((100, 80), True, Box(10, 90, 20, 80), 0.5, (5, -3), Frame(64, 64, 8))
    # (30, 50) mirrors to (30, 30), lies at (20, 10) in the breast box and at (10, 5) once scaled.
    assert chain.stored_to_network((30, 50)) == pytest.approx((5, 8))
    assert chain.network_to_grid((5, 8)) == pytest.approx((5 / 8, 1))


def test_mirroring_flips_columns_only() -> None:
    plain, mirrored = chain_of(1.0, False), chain_of(1.0, True)
    assert mirrored.stored_to_network((12, 40 - 9)) == pytest.approx(plain.stored_to_network((12, 9)))


def test_the_points_given_are_not_changed() -> None:
    points = np.array([(3.0, 4.0)])
    chain_of(0.5, True).stored_to_network(points)
    chain_of(0.5, True).network_to_stored(points)
    assert points.tolist() == [[3, 4]]


def test_the_network_window_starts_at_its_origin_in_the_store() -> None:
    chain = chain_of(1.0, False, origin=(-4, 7))
    assert chain.stored_to_network((chain.breast.row0, chain.breast.col0)) == pytest.approx((4, -7))


@pytest.mark.parametrize(("scale", "shape"), [(1.0, (44, 35)), (1 / 8, (6, 4)), (0.001, (1, 1))])
def test_store_shape_is_the_scaled_breast_box(scale: float, shape: tuple[int, int]) -> None:
    assert chain_of(scale, False).store_shape == shape


# ---- FrameChain: masks


def covered(mask: NDArray[np.bool_], box: Box, chain: FrameChain, fine: int) -> dict[tuple[int, int], float]:
    """Share of each network pixel that a stored mask covers, from fine x fine sample points in each stored pixel."""
    counts: dict[tuple[int, int], float] = {}
    steps = (np.arange(fine) + 0.5) / fine
    for row, col in np.argwhere(mask):
        samples = np.stack(np.meshgrid(box.row0 + row + steps, box.col0 + col + steps, indexing="ij"), axis=-1)
        for point in chain.stored_to_network(samples.reshape(-1, 2)):
            cell = (int(np.floor(point[0])), int(np.floor(point[1])))
            counts[cell] = counts.get(cell, 0) + (chain.scale / fine) ** 2
    return counts


def painted(mask: NDArray[np.bool_], box: Box) -> set[tuple[int, int]]:
    """(row, col) of the True pixels, in the box's frame."""
    assert mask.shape == (box.height, box.width)
    return {(int(row) + box.row0, int(col) + box.col0) for row, col in np.argwhere(mask)}


def blob(seed: int) -> tuple[NDArray[np.bool_], Box]:
    """A ragged, asymmetric mask whose box is not aligned to the grid of any scale."""
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[0:23, 0:17]
    mask = (rows - 10) ** 2 / 90 + (cols - 7 - rows / 5) ** 2 / 40 + rng.normal(0, 0.25, (23, 17)) < 1
    inner = Box.around(mask)
    return mask[inner.row0 : inner.row1, inner.col0 : inner.col1], inner.shifted(13, 9)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1 / 8, 1 / 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_network_mask_is_the_pixels_that_it_covers_by_half(seed: int, scale: float, mirrored: bool) -> None:
    mask, box = blob(seed)
    chain = chain_of(scale, mirrored)
    counts = covered(mask, box, chain, fine=6)
    covered_cells = {cell for cell, share in counts.items() if share > 0.5 + 1e-6}
    tied = {cell for cell, share in counts.items() if abs(share - 0.5) <= 1e-6}
    assert painted(*chain.mask_to_network(mask, box)) - tied == covered_cells


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mask_at_full_size_comes_back_exactly(mirrored: bool) -> None:
    mask, box = blob(7)
    chain = chain_of(1.0, mirrored)
    back, where = chain.mask_to_stored(*chain.mask_to_network(mask, box))
    assert where == box
    assert np.array_equal(back, mask)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_network_pixel_becomes_its_block_of_stored_pixels(mirrored: bool) -> None:
    chain = chain_of(1 / 8, mirrored, origin=(0, 0))
    back, where = chain.mask_to_stored(np.ones((1, 2), dtype=np.bool_), Box(1, 2, 1, 3))
    expected = Box(3 + 8, 3 + 16, 2 + 8, 2 + 24)  # in the mirrored frame
    if mirrored:
        expected = Box(expected.row0, expected.row1, 40 - expected.col1, 40 - expected.col0)
    assert where == expected
    assert back.all()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("row", range(3, 47, 5))
def test_a_speck_survives_scaling(row: int, mirrored: bool) -> None:
    chain = chain_of(1 / 8, mirrored)
    mask, box = chain.mask_to_network(np.ones((1, 1), dtype=np.bool_), Box(row, row + 1, 20, 21))
    center = chain.stored_to_network((row + 0.5, 20.5))
    assert mask.shape == (1, 1)
    assert (box.row0, box.col0) == tuple(np.floor(center).astype(int))


@given(chains(), st.integers(0, 2**16))
def test_a_mask_stays_at_its_lesion(chain: FrameChain, seed: int) -> None:
    rng = np.random.default_rng(seed)
    row, col = (int(rng.integers(0, limit - 12)) for limit in chain.stored_shape)
    mask, box = np.ones((12, 9), dtype=np.bool_), Box(row, row + 12, col, col + 9)
    small, where = chain.mask_to_network(mask, box)
    rows, cols = np.nonzero(small)
    center = (where.row0 + rows.mean() + 0.5, where.col0 + cols.mean() + 0.5)
    assert center == pytest.approx(chain.stored_to_network((row + 6, col + 4.5)), abs=1)


def test_an_enlarged_hole_stays_a_hole() -> None:
    ring = np.ones((5, 5), dtype=np.bool_)
    ring[2, 2] = False
    chain = chain_of(1 / 8, False, origin=(0, 0))
    back, where = chain.mask_to_stored(ring, Box(0, 5, 0, 5))
    assert (where.height, where.width) == (40, 40)
    assert not back[16:24, 16:24].any()
    assert back.sum() == 24 * 64
