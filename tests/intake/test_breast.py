import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from mammo.geometry import Box
from mammo.intake.breast import Breast, best_center, find_breast, is_mirrored, window_origin
from mammo.intake.rejections import Code, RejectedError
from mammo.records import Laterality, View

RNG = np.random.default_rng(3)


def slow_tissue(pixels: NDArray[np.uint16], steps: int) -> NDArray[np.bool_]:
    """Return the tissue mask [H, W] by repeated erosion and dilation with a cross, as in GMIC's code."""
    eroded = ndimage.binary_erosion(pixels > 0, iterations=steps)
    parts, count = ndimage.label(eroded)
    largest = 1 + np.argmax(ndimage.sum(eroded, parts, range(1, count + 1)))
    return ndimage.binary_dilation(parts == largest, iterations=steps)


def breast_of(tissue: NDArray[np.bool_]) -> Breast:
    """Return a breast that does not extend beyond its core: all of tissue [H, W]."""
    rim = np.argwhere(tissue)
    return Breast(rim, 0, (tissue.shape[0], tissue.shape[1]), tissue, 1)


def spotted(half_disc: NDArray[np.uint16]) -> NDArray[np.uint16]:
    noisy = half_disc.copy()
    noisy[RNG.random(noisy.shape) < 0.002] = 0
    noisy[5:12, 100:118] = 4095  # a marker letter
    noisy[:, 119] = 3  # a bright rim
    return noisy


@pytest.mark.parametrize("fineness", [0.02, 0.05, 0.125])
def test_tissue_equals_repeated_erosion_and_dilation(half_disc: NDArray[np.uint16], fineness: float) -> None:
    noisy = spotted(half_disc)
    breast = find_breast(noisy, fineness)
    assert breast is not None
    assert np.array_equal(breast.tissue, slow_tissue(noisy, max(1, round(100 * fineness))))


def test_parts_that_meet_only_at_a_corner_are_separate() -> None:
    """Includes parts in a hole of another: three in four random masks, eroded once, have parts that meet at corners."""
    n_meeting = 0
    for _ in range(400):
        pixels = np.where(RNG.random((20, 20)) < 0.95, 7, 0).astype(np.uint16)
        eroded = ndimage.binary_erosion(pixels > 0)
        parts, count = ndimage.label(eroded)
        sizes = ndimage.sum(eroded, parts, range(1, count + 1))
        n_meeting += ndimage.label(eroded, np.ones((3, 3)))[1] < count
        if count and np.count_nonzero(sizes == sizes.max()) == 1:
            breast = find_breast(pixels, 0.01)
            assert breast is not None
            assert np.array_equal(breast.tissue, slow_tissue(pixels, 1))
    assert n_meeting > 200


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("fineness", [0.05, 0.13, 0.25, 0.5])
def test_the_edges_of_the_breast_are_exact(half_disc: NDArray[np.uint16], fineness: float, flip: bool) -> None:
    for _ in range(8):
        large = np.kron(half_disc, np.ones((2, 2), np.uint16))
        large = np.roll(large, RNG.integers(-40, 40), axis=0)
        for row, col in RNG.integers((0, 0), large.shape, size=(12, 2)):
            large[row : row + 9, col : col + 9] = 0
        slow, breast = slow_tissue(large, round(100 * fineness)), find_breast(large, fineness)
        assert breast is not None
        if flip:
            slow, breast = slow[:, ::-1], breast.mirrored()
        assert breast.box() == Box.around(slow)
        for row in range(breast.box().row0, breast.box().row1, 7):
            assert breast.rightmost(row) == np.flatnonzero(slow[row:].any(axis=0))[-1]
        n, m = breast.tissue.shape
        near = slow[
            :: breast.stride, (0 if breast.first_col == 0 else breast.stride - 1 + breast.first_col) :: breast.stride
        ]
        assert (near[:n, :m] != breast.tissue[: near.shape[0], : near.shape[1]]).mean() < 0.05


def test_a_raised_background_is_still_background(half_disc: NDArray[np.uint16]) -> None:
    raised, plain = find_breast(np.maximum(half_disc, 7), 0.05), find_breast(half_disc, 0.05)
    assert raised is not None
    assert plain is not None
    assert np.array_equal(raised.tissue, plain.tissue)


@pytest.mark.parametrize(
    "pixels", [np.zeros((50, 50), np.uint16), np.full((50, 50), 9, np.uint16), np.eye(50, dtype=np.uint16)]
)
def test_an_image_without_a_breast_gives_none(pixels: NDArray[np.uint16]) -> None:
    assert find_breast(pixels, 0.125) is None


def test_the_box_has_a_buffer_on_every_side_except_the_chest_wall() -> None:
    tissue = np.zeros((100, 80), bool)
    tissue[20:60, 4:50] = True
    assert breast_of(tissue).box(6) == Box(14, 66, 4, 56)
    tissue[2:98, 4:78] = True
    assert breast_of(tissue).box(6) == Box(0, 100, 4, 80)


def test_cc_window_holds_the_most_foreground() -> None:
    pixels = (RNG.random((90, 70)) < np.linspace(0.1, 0.9, 90)[:, None]).astype(np.uint16) * 100
    breast = breast_of(np.ones_like(pixels, dtype=bool))
    row, col = best_center(pixels, breast, breast.box(), View.CC, (40, 50), flipped=True)
    assert col == 69 - 25
    held = [np.count_nonzero(pixels[max(r - 20, 0) : r + 20, 19:69]) for r in range(91)]
    assert held[row] == max(held)


def test_cc_ties_go_to_the_middle(half_disc: NDArray[np.uint16]) -> None:
    whole = Box(0, 200, 0, 120)
    row, _ = best_center(half_disc, breast_of(half_disc > 0), whole, View.CC, (368, 240), flipped=False)
    assert row == 100


@pytest.mark.parametrize("width", [30, 240])
def test_mlo_window_ends_at_the_lowest_foreground_inside_its_columns(half_disc: NDArray[np.uint16], width: int) -> None:
    tissue = half_disc > 0
    rightmost = int(np.flatnonzero(tissue.any(axis=0))[-1])
    for flipped, right in ((True, rightmost), (False, rightmost - 1)):
        lowest = int(np.flatnonzero(tissue[:, max(right - width, 0) : right].any(axis=1))[-1])
        center = best_center(half_disc, breast_of(tissue), Box(0, 200, 0, 120), View.MLO, (40, width), flipped)
        assert center == (lowest - 1 - 20, right - width // 2)


@pytest.mark.parametrize(
    ("center", "image", "view", "origin"),
    [
        ((1072, -210), (2144, 801), View.CC, (-400, 0)),
        ((1126, -5), (2650, 1006), View.MLO, (0, 0)),
        ((1011, -211), (2023, 801), View.CC, (-460, 0)),
        ((1600, 1000), (3300, 2400), View.CC, (128, 40)),
        ((3000, 2000), (3300, 2400), View.MLO, (356, 480)),
    ],
)
def test_the_window_is_shifted_into_the_image_or_padded(
    center: tuple[int, int], image: tuple[int, int], view: View, origin: tuple[int, int]
) -> None:
    assert window_origin(center, image, (2944, 1920), view) == origin


RIGHT_FACING = np.zeros((60, 64), bool)
RIGHT_FACING[10:50, :40] = True
LEFT_FACING = RIGHT_FACING[:, ::-1]


@pytest.mark.parametrize("check", [True, False])
def test_usual_images_face_as_their_laterality_states(check: bool) -> None:
    assert not is_mirrored(RIGHT_FACING, Laterality.LEFT, check)
    assert is_mirrored(LEFT_FACING, Laterality.RIGHT, check)


def test_pixels_decide_if_the_laterality_is_not_checked() -> None:
    assert not is_mirrored(RIGHT_FACING, Laterality.RIGHT, check=False)
    assert is_mirrored(LEFT_FACING, Laterality.LEFT, check=False)


@pytest.mark.parametrize(("breast", "laterality"), [(RIGHT_FACING, "R"), (LEFT_FACING, "L")])
def test_pixels_that_contradict_the_laterality_are_rejected(breast: NDArray[np.bool_], laterality: str) -> None:
    with pytest.raises(RejectedError, match=Code.SIDE_CONFLICT):
        is_mirrored(breast, Laterality(laterality), check=True)


def test_a_breast_in_the_middle_of_its_image_has_its_chest_wall_where_it_is_cut_off() -> None:
    rows, cols = np.ogrid[:60, :64]
    half_disc = ((rows - 30) ** 2 + (cols - 20) ** 2 <= 24**2) & (cols >= 20)
    assert not is_mirrored(half_disc, Laterality.LEFT, check=True)
    assert is_mirrored(half_disc[:, ::-1], Laterality.LEFT, check=False)
    with pytest.raises(RejectedError, match=Code.SIDE_CONFLICT):
        is_mirrored(half_disc, Laterality.RIGHT, check=True)


def test_the_laterality_decides_if_the_pixels_do_not() -> None:
    symmetric = np.ones((60, 64), bool)
    assert is_mirrored(symmetric, Laterality.RIGHT, check=True)
    assert not is_mirrored(symmetric, Laterality.LEFT, check=True)
